// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/nn/team.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/level/walk.h"

namespace sovren::trace {

/// A tree as the CPU walks it.
struct PackedTree {
  std::vector<BvhNode> nodes;
  std::vector<TriangleBlock> blocks;
  std::vector<MovingBlock> moving;
  std::vector<std::uint32_t> instances;
  float reach = 0;

  /// Points into this object's arrays.
  WalkTree view() const;
  std::size_t size_bytes() const;
};

PackedTree pack(BvhTree tree, nn::Team& team);

}  // namespace sovren::trace
