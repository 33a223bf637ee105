// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

namespace sovren::kernels {

/// C = A^T B, each row-major with its row stride: A (k, m), B (k, n), C (m, n). One thread. The
/// same call gives the same bits on the same kind of processor.
void gemm_tn(int m, int n, int k, const double* a, int a_stride, const double* b, int b_stride,
             double* c, int c_stride);

/// C = A^T A, row-major: A (k, n), C (n, n), symmetric to the last bit. One thread. The same call
/// gives the same bits on the same kind of processor.
void gram(int n, int k, const double* a, double* c);

/// sum a[i] b[i] in eight interleaved sums, added in a fixed order: the same bits on every
/// processor.
double dot(std::span<const double> a, std::span<const double> b);

/// "OpenBLAS 0.3.21 ... Zen": library, version and the kernels that it picked.
std::string blas_name();

/// The kernels that OPENBLAS_CORETYPE should name when the program starts, where OpenBLAS does not
/// know this processor and took its slowest ones; empty: it chose well. (0.3.21 of Debian 12 knows
/// no processor newer than 2022: half the speed or less.)
std::string better_blas_core();

}  // namespace sovren::kernels
