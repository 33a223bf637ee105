// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// z := the first `level` nodes of order other than order[candidate]: PC1's condition set.
inline void first_others(std::span<const Node> order, std::size_t candidate, int level,
                         std::vector<Node>& z) {
  z.clear();
  for (std::size_t c = 0; c < order.size() && std::ssize(z) < level; ++c)
    if (c != candidate) z.push_back(order[c]);
}

/// z := parents_y without x, then parents_x moved back by x.lag and not already there: MCI's
/// condition set for x and the target y.
inline void mci_conditions(Node x, Node y, std::span<const Node> parents_y,
                           std::span<const Node> parents_x, std::vector<Node>& z) {
  z.clear();
  const auto add = [&](Node node) {
    if (node != x && node != y && std::ranges::find(z, node) == z.end()) z.push_back(node);
  };
  for (const Node node : parents_y) add(node);
  for (const Node node : parents_x) add({node.variable, node.lag + x.lag});
}

}  // namespace sovren::kernels
