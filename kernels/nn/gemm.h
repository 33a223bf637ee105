// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/nn/team.h"

namespace sovren::nn {

/// fp32: products and sums in fp32. bf16: factors are rounded to bfloat16 (to nearest, even), sums
/// are fp32; on AMX tiles where the processor has them.
enum class Precision { fp32, bf16 };

/// A matrix to read: element (row, column) is data[row * row_stride + column * column_stride].
/// One of the strides is 1.
struct MatrixView {
  const float* data = nullptr;
  std::int64_t row_stride = 0;
  std::int64_t column_stride = 1;
  MatrixView transposed() const { return {data, column_stride, row_stride}; }
};

/// C (m, n), row-major, and what is done with each sum x before it is written. In this order, each
/// where it is given: x += bias[column]; before_gelu(row, column) = x, x = gelu(x);
/// x *= gelu'(gelu_input(row, column)); x += C(row, column) (accumulates).
/// before_gelu, gelu_input: laid out as C is.
struct GemmOutput {
  float* data = nullptr;
  std::int64_t row_stride = 0;
  const float* bias = nullptr;
  float* before_gelu = nullptr;
  const float* gelu_input = nullptr;
  enum class Write { set, add } write = Write::set;
};

struct GemmShape {
  std::int64_t m = 0, n = 0, k = 0;
};

/// C = A B: A (m, k), B (k, n). GELU is the tanh approximation.
///
/// Laws     an element's sum runs over k in one fixed order that depends on k alone: the same bits
///          for any m, n, strides, number of threads and, of fp32, any x86-64 processor.
/// Speed    bench/kernel/gemm_bench: against OpenBLAS and the processor's measured peak.
/// Source   Goto, van de Geijn 2008 (blocking, packing); BLIS (micro-kernel).
void gemm(Team& team, Precision precision, GemmShape shape, MatrixView a, MatrixView b,
          const GemmOutput& c);

}  // namespace sovren::nn
