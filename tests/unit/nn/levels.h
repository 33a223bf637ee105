// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/rng.h"
#include "kernels/nn/level.h"

namespace sovren::nn {

/// All levels that this processor can run, the plain one first.
inline std::vector<Level> levels_here() {
  std::vector<Level> levels;
  for (const Level level : {Level::plain, Level::avx2, Level::avx512})
    if (level <= cpu_level()) levels.push_back(level);
  return levels;
}

/// Standard normal numbers, the same for the same seed.
inline std::vector<float> normal_numbers(std::size_t count, std::uint64_t seed, float scale = 1) {
  const Philox philox(seed, 99);
  std::vector<float> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = scale * static_cast<float>(philox.normal(i));
  return numbers;
}

}  // namespace sovren::nn
