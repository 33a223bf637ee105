// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/resample.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/base/rng.h"

namespace sovren::kernels {

std::vector<int> bootstrap_times(int steps, int max_lag, int block_length, std::uint64_t seed,
                                 std::uint64_t stream, std::uint64_t replicate) {
  const int samples = steps - 2 * max_lag;
  SOVREN_CHECK(1 <= block_length && block_length <= samples, "a block fits into the samples");
  const Philox random(seed, stream);
  const auto blocks = static_cast<std::uint64_t>((samples + block_length - 1) / block_length);
  const auto starts = static_cast<std::uint64_t>(samples - block_length + 1);
  std::vector<int> times;
  times.reserve(static_cast<std::size_t>(samples));
  for (std::uint64_t block = 0; block < blocks; ++block) {
    const int first =
        2 * max_lag + static_cast<int>(random.below(replicate * blocks + block, starts));
    const int length = std::min(block_length, samples - static_cast<int>(times.size()));
    for (int k = 0; k < length; ++k) times.push_back(first + k);
  }
  return times;
}

int cube_root_block(int samples) {
  std::int64_t root = 1;
  while (root * root * root < samples) ++root;
  return static_cast<int>(root);
}

}  // namespace sovren::kernels
