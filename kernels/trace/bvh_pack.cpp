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
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    if (lane >= leaf.size()) {
      lanes[lane] = lanes[lane - 1];
      continue;
    }
    std::size_t at = lane;  // insertion: there are four at most
    for (; at > 0; --at) {
      if (!comes_first(leaf[lane].instance, leaf[lane].primitive, lanes[at - 1].instance,
                       lanes[at - 1].primitive))
        break;
      lanes[at] = lanes[at - 1];
    }
    lanes[at] = leaf[lane];
  }
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

PackedTree pack(BvhTree tree, nn::Team& team) {
  using Kind = BvhChild::Kind;
  PackedTree packed;
  packed.reach = maximum(largest_of(tree.low), largest_of(tree.high));
  packed.nodes = std::move(tree.nodes);
  packed.instances = std::move(tree.instances);
  // Blocks stand in the order of the nodes; so many are before each chunk of nodes.
  constexpr std::size_t chunk = 1 << 12;
  struct Before {
    std::uint32_t blocks = 0, moving = 0;
  };
  std::vector<Before> before(packed.nodes.size() / chunk + 2);
  for (std::size_t i = 0; i < packed.nodes.size(); ++i) {
    Before& behind = before[i / chunk + 1];
    if (i % chunk == 0) behind = before[i / chunk];
    for (const BvhChild child : packed.nodes[i].child) {
      behind.blocks += child.kind() == Kind::triangles ? 1 : 0;
      behind.moving += child.kind() == Kind::moving ? 1 : 0;
    }
  }
  const std::size_t chunks = (packed.nodes.size() + chunk - 1) / chunk;
  packed.blocks.resize(before[chunks].blocks);
  packed.moving.resize(before[chunks].moving);
  team.run(static_cast<std::int64_t>(chunks), [&](std::int64_t number) {
    const std::size_t first = static_cast<std::size_t>(number) * chunk;
    Before next = before[static_cast<std::size_t>(number)];
    const auto to_block = [](auto& blocks, auto leaf_of, BvhChild& child, std::uint32_t place) {
      blocks[place] = block_of(leaf_of.subspan(child.first(), child.count()));
      child = BvhChild::make(child.kind(), child.count(), place);
    };
    for (std::size_t i = first; i < std::min(first + chunk, packed.nodes.size()); ++i) {
      for (BvhChild& child : packed.nodes[i].child) {
        if (child.kind() == Kind::triangles)
          to_block(packed.blocks, std::span<const BvhTriangle>(tree.triangles), child,
                   next.blocks++);
        if (child.kind() == Kind::moving)
          to_block(packed.moving, std::span<const BvhMovingTriangle>(tree.moving), child,
                   next.moving++);
      }
    }
  });
  return packed;
}

}  // namespace sovren::trace
