// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/node_map.h"

#include <algorithm>
#include <map>

namespace sovren::storage {

const std::vector<int>& NodeMap::beside(int rank) const {
  return ranks[static_cast<std::size_t>(node_of[static_cast<std::size_t>(rank)])];
}

bool NodeMap::is_leader(int rank) const {
  return beside(rank).front() == rank;
}

bool NodeMap::is_same(int a, int b) const {
  return node_of[static_cast<std::size_t>(a)] == node_of[static_cast<std::size_t>(b)];
}

int NodeMap::place_of(int rank) const {
  const std::vector<int>& all = beside(rank);
  return static_cast<int>(std::lower_bound(all.begin(), all.end(), rank) - all.begin());
}

int NodeMap::keeper_of(int rank) const {
  if (nodes() == 1) return -1;
  const int next = (node_of[static_cast<std::size_t>(rank)] + 1) % nodes();
  const std::vector<int>& keepers = ranks[static_cast<std::size_t>(next)];
  return keepers[static_cast<std::size_t>(place_of(rank)) % keepers.size()];
}

std::vector<int> NodeMap::kept_by(int rank) const {
  std::vector<int> kept;
  for (int other = 0; other < static_cast<int>(node_of.size()); ++other)
    if (keeper_of(other) == rank) kept.push_back(other);
  return kept;
}

NodeMap map_nodes(const std::vector<std::string>& names) {
  NodeMap map;
  std::map<std::string, int> nodes;
  for (const std::string& name : names) {
    const int node = nodes.try_emplace(name, map.nodes()).first->second;
    if (node == map.nodes()) map.ranks.emplace_back();
    map.ranks[static_cast<std::size_t>(node)].push_back(static_cast<int>(map.node_of.size()));
    map.node_of.push_back(node);
  }
  return map;
}

}  // namespace sovren::storage
