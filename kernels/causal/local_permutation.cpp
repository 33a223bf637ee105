// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/local_permutation.h"

#include <algorithm>
#include <numeric>

namespace sovren::kernels {
namespace {

/// The 32-bit words of one shuffle, one after another.
class Words {
 public:
  Words(const Philox& random, std::uint64_t shuffle) : random_(random), next_(shuffle << 32) {}

  /// In [0, bound), bound < 2^16: bias below 2^-16.
  std::size_t below(std::size_t bound) {
    if (used_ == block_.size()) block_ = random_.block(next_++), used_ = 0;
    return static_cast<std::size_t>((std::uint64_t{block_[used_++]} * bound) >> 32);
  }

 private:
  const Philox& random_;
  std::uint64_t next_;
  Philox::Block block_{};
  std::size_t used_ = std::tuple_size_v<Philox::Block>;
};

}  // namespace

LocalPermutation::LocalPermutation(std::span<const std::uint16_t> nearest, int samples)
    : nearest_(nearest), samples_(static_cast<std::size_t>(samples)), turns_(samples_) {}

void LocalPermutation::shuffle(const Philox& random, std::uint64_t shuffle,
                               std::span<const std::uint16_t> x, std::span<std::uint16_t> out) {
  Words words(random, shuffle);
  std::iota(turns_.begin(), turns_.end(), std::uint16_t{0});
  for (std::size_t i = samples_; i > 1; --i) std::swap(turns_[i - 1], turns_[words.below(i)]);
  std::ranges::fill(out, std::uint16_t{0});
  if (nearest_.empty()) {
    for (std::size_t t = 0; t < samples_; ++t) out[t] = x[turns_[t]];
    return;
  }
  is_taken_.assign(samples_, 0);
  const std::size_t count = nearest_.size() / samples_;
  for (const std::uint16_t turn : turns_) {
    const auto own = nearest_.subspan(turn * count, count);
    free_.clear();
    for (const std::uint16_t near : own)
      if (is_taken_[near] == 0) free_.push_back(near);
    const std::size_t choice = words.below(free_.empty() ? count : free_.size());
    const std::uint16_t taken = free_.empty() ? own[choice] : free_[choice];
    is_taken_[taken] = 1;
    out[turn] = x[taken];
  }
  rank_anew(out);
}

/// Values taken twice and not at all leave gaps; equal ones follow one another in order of turns.
void LocalPermutation::rank_anew(std::span<std::uint16_t> taken) {
  places_.assign(samples_ + 1, 0);
  for (std::size_t t = 0; t < samples_; ++t) ++places_[taken[t] + 1u];
  for (std::size_t rank = 1; rank <= samples_; ++rank) places_[rank] += places_[rank - 1];
  for (const std::uint16_t turn : turns_)
    taken[turn] = static_cast<std::uint16_t>(places_[taken[turn]]++);
}

}  // namespace sovren::kernels
