// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/gemm.h"

namespace sovren::nn {

constexpr std::int64_t amx_panel_width = 32;
/// Products of fewer do not fill the tiles' depth, nor do packed panels fit the room of fp32 ones.
constexpr std::int64_t amx_k_min = 32;
constexpr std::int64_t amx_k_block = 1024;  ///< of A's rows, packed at a time
/// Floats of scratch: packed rows, and sums that wait for the next block of k.
constexpr std::int64_t amx_packed_rows = gemm_most_rows * amx_k_block / 2;
constexpr std::int64_t amx_scratch_size =
    amx_packed_rows + (gemm_most_rows + 16) * gemm_most_columns;

/// bfloat16 products on the processor's tiles (has_amx()): pairs of k are added within a tile
/// instruction, 32 products at a time, over the whole of k. k of at least amx_k_min.
/// Source   Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2, TDPBF16PS.
const GemmKernels::Steps& amx_steps();

}  // namespace sovren::nn
