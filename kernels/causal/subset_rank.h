// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/causal/lag_view.h"

namespace sovren::kernels {

// Subsets of a list by number: the k-subsets of {0 .. n-1} in lexicographic order have the ranks
// 0 .. C(n, k) - 1. Any thread can take any rank, and the smallest rank of those that separate does
// not depend on who looked where.

/// Counts above this are this: nobody tests so many.
inline constexpr std::uint64_t most_subsets = std::uint64_t{1} << 50;

/// C(n, k), or most_subsets if that is less. Exact below it: each step divides without remainder.
SOVREN_DEVICE std::uint64_t subset_count(int n, int k) {
  if (k < 0 || k > n) return 0;
  if (k > n - k) k = n - k;
  std::uint64_t count = 1;
  for (int i = 1; i <= k; ++i) {
    // count <= 2^50, n < 2^13: no overflow
    count = count * static_cast<std::uint64_t>(n - k + i) / static_cast<std::uint64_t>(i);
    if (count >= most_subsets) return most_subsets;
  }
  return count;
}

/// subset[0 .. k-1] := the k-subset of {0 .. n-1} with this rank, ascending.
/// rank < C(n, k) < most_subsets, n < 2^13.
SOVREN_DEVICE void subset_of_rank(std::uint64_t rank, int n, int k, int* subset) {
  // with: subsets that have `element` next, C(n - 1 - element, k - 1 - at). Follows the element
  // without computing a binomial anew.
  int element = 0;
  std::uint64_t with = k > 0 ? subset_count(n - 1, k - 1) : 0;
  for (int at = 0; at < k; ++at) {
    while (rank >= with) {
      rank -= with;
      // C(m - 1, r) = C(m, r) (m - r) / m, m = n - 1 - element, r = k - 1 - at
      const int m = n - 1 - element;
      const int r = k - 1 - at;
      with = with * static_cast<std::uint64_t>(m - r) / static_cast<std::uint64_t>(m);
      ++element;
    }
    subset[at] = element;
    // The next element comes from what is left: C(m - 1, r - 1) = C(m, r) r / m.
    const int m = n - 1 - element;
    const int r = k - 1 - at;
    if (r > 0) with = with * static_cast<std::uint64_t>(r) / static_cast<std::uint64_t>(m);
    ++element;
  }
}

}  // namespace sovren::kernels
