// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/port/communicator.h"

namespace sovren::storage {

/// Which ranks share a node, and who keeps whose shard.
///
/// Model    Nodes form a ring, in the order of their lowest ranks. What a rank writes on its node
/// is also kept by one rank of the next node, so that the loss of any one node loses nothing. With
/// one node there is no neighbour.
struct NodeMap {
  std::vector<int> node_of;             ///< by rank
  std::vector<std::vector<int>> ranks;  ///< by node, ascending; the first one leads

  int nodes() const { return static_cast<int>(ranks.size()); }
  const std::vector<int>& beside(int rank) const;  ///< all ranks of its node
  bool is_leader(int rank) const;
  bool is_same(int a, int b) const;  ///< ranks on one node
  int place_of(int rank) const;      ///< among the ranks of its node, from 0
  int keeper_of(int rank) const;     ///< -1: nobody
  std::vector<int> kept_by(int rank) const;
};

/// names: of each rank's node, by rank.
NodeMap map_nodes(const std::vector<std::string>& names);

}  // namespace sovren::storage
