// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace sovren::jobs {

/// An arrow of the summary graph: source drives target at some lag of 1 or more.
struct Arrow {
  int source = 0;
  int target = 0;
  double strength = 0;  ///< |value| of its strongest lag
};

/// The longest chains of causes: directed paths that meet no variable twice.
struct Chains {
  int depth = 0;         ///< arrows on the longest path
  bool is_exact = true;  ///< false: depth is an upper bound, because too many variables drive one
                         ///< another in circles
  std::vector<std::vector<int>> longest;  ///< variables along each; when exact, each has depth + 1
};

/// Variables in one circle that are still searched exactly: 2^12 subsets.
inline constexpr int circle_max = 12;
/// Chains that are listed, those with the strongest weakest arrow first.
inline constexpr int chains_listed_max = 10;

/// Finds the longest chains. Arrows from a variable to itself do not count.
///
/// Method   Strongly connected components (Kosaraju); within one of at most circle_max variables,
/// the longest continuation from (variable, set of variables met) by dynamic programming, from the
/// last component to the first. A larger component of k variables counts as k - 1 arrows, which is
/// an upper bound; a path that really exists is then looked for by a bounded depth-first search.
Chains find_chains(int variables, std::span<const Arrow> arrows);

}  // namespace sovren::jobs
