// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bvh_pack.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "kernels/trace/triangle_test.h"

namespace sovren::trace {
namespace {

/// A leaf's triangles in the order of ties; the last one also fills the lanes that are left.
template <class Any>
std::array<Any, bvh_leaf_max> lanes_of(std::span<const Any> leaf) {
  std::array<Any, bvh_leaf_max> lanes;
  std::copy(leaf.begin(), leaf.end(), lanes.begin());
  std::sort(lanes.begin(), lanes.begin() + static_cast<std::ptrdiff_t>(leaf.size()),
            [](const Any& a, const Any& b) {
              return comes_first(a.instance, a.primitive, b.instance, b.primitive);
            });
  std::fill(lanes.begin() + static_cast<std::ptrdiff_t>(leaf.size()), lanes.end(),
            lanes[leaf.size() - 1]);
  return lanes;
}

void put(Vec3 p, std::size_t lane, float (&to)[3][bvh_leaf_max]) {
  to[0][lane] = p.x;
  to[1][lane] = p.y;
  to[2][lane] = p.z;
}

TriangleBlock block_of(std::span<const BvhTriangle> leaf) {
  const auto lanes = lanes_of(leaf);
  TriangleBlock block;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    for (int k = 0; k < 3; ++k) put(lanes[lane].corner[k], lane, block.corner[k]);
    block.instance[lane] = lanes[lane].instance;
    block.primitive[lane] = lanes[lane].primitive;
  }
  return block;
}

MovingBlock block_of(std::span<const BvhMovingTriangle> leaf) {
  const auto lanes = lanes_of(leaf);
  MovingBlock block;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    for (int k = 0; k < 3; ++k) {
      put(lanes[lane].begin[k], lane, block.begin.corner[k]);
      put(lanes[lane].end[k], lane, block.end[k]);
    }
    block.begin.instance[lane] = lanes[lane].instance;
    block.begin.primitive[lane] = lanes[lane].primitive;
  }
  return block;
}

float largest_of(Vec3 v) {
  return maximum(maximum(magnitude(v.x), magnitude(v.y)), magnitude(v.z));
}

template <class T>
const T* pointer(const std::vector<T>& values) {
  return values.empty() ? nullptr : values.data();
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

}  // namespace

WalkTree PackedTree::view() const {
  return {pointer(nodes), pointer(blocks), pointer(moving), pointer(instances), reach};
}

std::size_t PackedTree::size_bytes() const {
  return bytes_of(nodes) + bytes_of(blocks) + bytes_of(moving) + bytes_of(instances);
}

PackedTree pack(BvhTree tree) {
  using Kind = BvhChild::Kind;
  PackedTree packed;
  packed.reach = maximum(largest_of(tree.low), largest_of(tree.high));
  packed.nodes = std::move(tree.nodes);
  packed.instances = std::move(tree.instances);
  std::size_t leaves[4] = {};
  for (const BvhNode& node : packed.nodes)
    for (const BvhChild child : node.child) ++leaves[static_cast<std::size_t>(child.kind())];
  packed.blocks.reserve(leaves[static_cast<std::size_t>(Kind::triangles)]);
  packed.moving.reserve(leaves[static_cast<std::size_t>(Kind::moving)]);
  for (BvhNode& node : packed.nodes) {
    for (BvhChild& child : node.child) {
      const auto to_block = [&](auto& blocks, auto leaf_of) {
        const std::uint32_t number = static_cast<std::uint32_t>(blocks.size());
        blocks.push_back(block_of(leaf_of.subspan(child.first(), child.count())));
        child = BvhChild::make(child.kind(), child.count(), number);
      };
      if (child.kind() == Kind::triangles)
        to_block(packed.blocks, std::span<const BvhTriangle>(tree.triangles));
      if (child.kind() == Kind::moving)
        to_block(packed.moving, std::span<const BvhMovingTriangle>(tree.moving));
    }
  }
  return packed;
}

}  // namespace sovren::trace
