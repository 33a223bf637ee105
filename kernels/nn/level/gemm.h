// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/nn/gemm.h"

namespace sovren::nn {

/// A sum over k is cut into blocks of this many products: fused multiply-adds from 0 within a
/// block, in the order of k; then the blocks' sums are added in order. This is what fixes the bits.
constexpr std::int64_t gemm_k_block = 256;
constexpr std::int64_t gemm_most_rows = 112;     ///< rows that GemmKernels::multiply takes
constexpr std::int64_t gemm_most_columns = 512;  ///< and columns; a multiple of every panel's width
/// Floats of scratch that multiply() needs: packed rows of A, and sums that are not finished.
constexpr std::int64_t gemm_packed_rows = (gemm_most_rows + 32) * (gemm_k_block + 16);
constexpr std::int64_t gemm_scratch_size =
    gemm_packed_rows + (gemm_most_rows + 16) * gemm_most_columns;

/// A block of C: `rows` x `columns` from (row, column). Columns begin at a panel's border.
struct GemmBlock {
  std::int64_t row = 0, rows = 0;
  std::int64_t column = 0, columns = 0;
  std::int64_t k = 0;
};

/// On one thread; see gemm.h. B is packed in panels of panel_width columns: panel after panel, each
/// (k, panel_width) row-major, the columns that B has not are 0.
struct GemmKernels {
  struct Steps {
    /// One panel: columns column .. column + panel_width of b, which has `columns`.
    void (*pack)(MatrixView b, std::int64_t k, std::int64_t columns, std::int64_t column,
                 float* panel);
    /// `panels`: the panel that block.column begins. scratch: aligned as a cache line.
    void (*multiply)(const GemmBlock& block, MatrixView a, const float* panels, const GemmOutput& c,
                     float* scratch);
  };
  std::int64_t panel_width;
  Steps fp32;
  Steps bf16;  ///< factors rounded to bfloat16, held and multiplied as fp32
};

}  // namespace sovren::nn
