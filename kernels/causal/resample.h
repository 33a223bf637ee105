// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace sovren::kernels {

/// The time points of a bootstrap replicate: as many as the series has samples, drawn from them
/// with replacement in blocks of consecutive points.
///
/// Model    samples are t = 2 max_lag .. steps-1. The first point of a block is uniform over all at
///          which a whole block fits, so that the last sample is drawn too; the last block is cut
///          to length.
/// Law      a function of the arguments alone: Philox(seed, stream), its counters in the order of
///          replicate and block.
/// Source   Efron, Tibshirani 1993; blocks: Kuensch 1989.
std::vector<int> bootstrap_times(int steps, int max_lag, int block_length, std::uint64_t seed,
                                 std::uint64_t stream, std::uint64_t replicate);

/// The usual length of a block: the cube root of the number of samples, rounded up.
int cube_root_block(int samples);

}  // namespace sovren::kernels
