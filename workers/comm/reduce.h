// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "core/base/check.h"
#include "core/port/communicator.h"

namespace sovren::workers {

/// a op b. Sums of whole numbers wrap; NaN wins over every number, so min and max do not depend on
/// the order.
template <class T>
T combine(T a, T b, Reduce op) {
  if constexpr (std::is_floating_point_v<T>) {
    if (op != Reduce::sum && std::isnan(a)) return a;
    if (op != Reduce::sum && std::isnan(b)) return b;
  }
  switch (op) {
    case Reduce::min:
      return b < a ? b : a;
    case Reduce::max:
      return a < b ? b : a;
    case Reduce::sum:
      break;
  }
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  else
    return a + b;
}

/// all: (ranks, n), one row per rank. Combines the rows into the first by the fixed binary tree
/// ((0 1)(2 3))((4 5)(6 7)): the bits depend on the number of ranks only.
template <class T>
void reduce_tree(std::span<T> all, std::size_t ranks, Reduce op) {
  SOVREN_CHECK(ranks > 0 && all.size() % ranks == 0, "all is (ranks, n)");
  const std::size_t n = all.size() / ranks;
  for (std::size_t stride = 1; stride < ranks; stride *= 2)
    for (std::size_t r = 0; r + stride < ranks; r += 2 * stride)
      for (std::size_t i = 0; i < n; ++i)
        all[r * n + i] = combine(all[r * n + i], all[(r + stride) * n + i], op);
}

/// What exchange() gives the rank itself; the two may be the same place.
inline void copy_to_oneself(std::span<const std::byte> to, std::span<std::byte> from) {
  SOVREN_CHECK(to.size() == from.size(), "both sides know the size");
  if (to.data() != from.data()) std::copy(to.begin(), to.end(), from.begin());
}

inline Error no_counter() {
  return Error{.code = Code::bug, .what = "take() before the first set_counter()"};
}

}  // namespace sovren::workers
