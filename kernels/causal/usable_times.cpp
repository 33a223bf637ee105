// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/usable_times.h"

#include <algorithm>
#include <numeric>

#include "core/base/check.h"

namespace sovren::kernels {

std::vector<int> all_times(int steps, int max_lag) {
  std::vector<int> times(static_cast<std::size_t>(std::max(0, steps - 2 * max_lag)));
  std::iota(times.begin(), times.end(), 2 * max_lag);
  return times;
}

UsableTimes::UsableTimes(const Series& series, int max_lag, std::vector<int> times,
                         const Mask& mask)
    : times_(std::move(times)),
      variables_(series.variables),
      max_lag_(max_lag),
      words_((series.steps + 63) / 64),
      roles_(mask) {
  SOVREN_CHECK(
      std::ranges::all_of(times_, [&](int t) { return 2 * max_lag <= t && t < series.steps; }),
      "time points lie in [2 max_lag, steps)");
  SOVREN_CHECK(mask.masked.empty() || mask.masked.size() == series.values.size(),
               "the mask has the shape of the values");
  roles_.masked = {};  // read here, and no longer
  measured_ = bits_of(series.steps, [&](std::size_t index) { return series.is_valid(index); });
  if (mask.masked.empty())
    roles_ = {};
  else
    measured_and_unmasked_ = bits_of(series.steps, [&](std::size_t index) {
      return series.is_valid(index) && mask.masked[index] == 0;
    });
}

template <class IsSet>
UsableTimes::Bits UsableTimes::bits_of(int steps, IsSet is_set) const {
  const auto n = static_cast<std::size_t>(variables_);
  const auto words = static_cast<std::size_t>(words_);
  Bits made;
  made.words.assign(n * words, 0);
  made.is_all_set.assign(n * (static_cast<std::size_t>(2 * max_lag_) + 1), 1);
  for (std::size_t t = 0; t < static_cast<std::size_t>(steps); ++t)
    for (std::size_t i = 0; i < n; ++i)
      if (is_set(t * n + i)) made.words[i * words + t / 64] |= std::uint64_t{1} << (t % 64);
  for (std::size_t lag = 0; lag <= static_cast<std::size_t>(2 * max_lag_); ++lag)
    for (const int time : times_)
      for (std::size_t i = 0; i < n; ++i)
        if (!is_set((static_cast<std::size_t>(time) - lag) * n + i))
          made.is_all_set[lag * n + i] = 0;
  return made;
}

/// Calls use(node, bits) for each node of the test, with the bits that count in its role.
template <class Use>
void UsableTimes::for_each(Node x, Node y, std::span<const Node> z, Use use) const {
  use(x, bits(roles_.in_x));
  use(y, bits(roles_.in_y));
  for (const Node node : z) use(node, bits(roles_.in_z));
}

std::vector<int> UsableTimes::of_test(Node x, Node y, std::span<const Node> z) const {
  std::vector<std::uint64_t> common(static_cast<std::size_t>(words_), ~std::uint64_t{0});
  for_each(x, y, z, [&](Node node, const Bits& own) {
    // Bit t of common sees bit t - lag of the node.
    const std::uint64_t* const from = own.words.data() + std::ptrdiff_t{node.variable} * words_;
    const int whole = node.lag / 64;
    const int rest = node.lag % 64;
    for (int word = words_ - 1; word >= 0; --word) {
      const int at = word - whole;
      std::uint64_t shifted = at >= 0 ? from[at] << rest : 0;
      if (rest > 0 && at >= 1) shifted |= from[at - 1] >> (64 - rest);
      common[static_cast<std::size_t>(word)] &= shifted;
    }
  });
  std::vector<int> usable;
  usable.reserve(times_.size());
  for (const int t : times_)
    if ((common[static_cast<std::size_t>(t / 64)] >> (t % 64) & 1) != 0) usable.push_back(t);
  return usable;
}

bool UsableTimes::has_all(Node x, Node y, std::span<const Node> z) const {
  bool has_all = true;
  for_each(x, y, z, [&](Node node, const Bits& own) {
    has_all =
        has_all &&
        own.is_all_set[static_cast<std::size_t>(node.lag) * static_cast<std::size_t>(variables_) +
                       static_cast<std::size_t>(node.variable)] != 0;
  });
  return has_all;
}

}  // namespace sovren::kernels
