// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/nn/team.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/lanes.h"

namespace sovren::trace {

/// What a tree is built over: a box, and what is in it.
struct alignas(16) BvhItem {
  float low[3];
  std::uint32_t index;  ///< of the triangle or instance, for whoever made the item
  float high[3];
  std::uint32_t kind;  ///< BvhChild::Kind

  F4 low4() const { return load4(low); }  // the fourth lane has no meaning
  F4 high4() const { return load4(high); }
};

/// A node of the binary tree. Its two children come side by side, after it.
struct BinaryNode {
  float low[3], high[3];
  std::uint32_t begin = 0;  ///< its items, in the order that the builder leaves them in
  std::uint32_t count = 0;
  std::uint32_t left = 0;  ///< 0: it has one item and no children
  /// How it is best made a part of wide nodes (bvh_collapse.cpp).
  std::uint32_t plan = 0;
};

/// The tree of a range of items, whose nodes stand in an array of its own: node 0 is its root. In
/// `roots` of BinaryTree, the number of an upper node whose place it takes.
struct BinaryTree {
  std::vector<BinaryNode> upper;  ///< node 0 is the root of all, unless there is nothing
  struct Part {
    std::uint32_t upper_node = 0;  ///< which has no children there
    std::vector<BinaryNode> nodes;
  };
  std::vector<Part> parts;
};

/// Down to one item in each leaf, by the surface area heuristic. Sorts the items.
/// Laws     the same for any number of threads. Nodes from the root to a leaf: at most
///          bvh_depth_max.
BinaryTree build_binary(std::vector<BvhItem>& items, nn::Team& team);

}  // namespace sovren::trace
