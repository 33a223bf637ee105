// SPDX-License-Identifier: Apache-2.0
#pragma once

/// SOVREN_CLONES before a function: compiled for AVX-512, AVX2 and plain x86-64; the processor
/// decides when the program starts. The kernels are built with -ffp-contract=off and never reorder
/// a sum, so that all clones give the same bits. Off where the resolver would run before the
/// sanitizer's start-up code, and where there are no clones.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SOVREN_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
/// The same for loops over 16-bit numbers, of which AVX-512 has no 512-bit form before BW.
#define SOVREN_CLONES_16 __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define SOVREN_CLONES
#define SOVREN_CLONES_16
#endif
