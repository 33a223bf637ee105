// SPDX-License-Identifier: Apache-2.0
#pragma once

/// SOVREN_DEVICE before a function that runs on the CPU and on a device alike: the C++ compiler
/// makes it for the CPU, nvcc for the device. SOVREN_BOTH: nvcc makes it for both.
#ifdef __CUDACC__
#define SOVREN_DEVICE __device__ inline
#define SOVREN_BOTH __host__ __device__
#define SOVREN_UNROLL _Pragma("unroll")
#else
#define SOVREN_DEVICE inline
#define SOVREN_BOTH
#define SOVREN_UNROLL
#endif
