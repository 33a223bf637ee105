// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/bvh.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// The triangles of a leaf: lane i of each is one's. A leaf of fewer repeats its last. Within a
/// block they stand in the order of ties.
struct alignas(16) TriangleBlock {
  float corner[3][3][bvh_leaf_max];  ///< [corner][axis]
  std::uint32_t instance[bvh_leaf_max], primitive[bvh_leaf_max];
};

/// The corners when the shutter opens, and when it closes.
struct alignas(16) MovingBlock {
  TriangleBlock begin;
  float end[3][3][bvh_leaf_max];
};

/// A tree as walks read it: BvhTree, but for a leaf's first(), which is the number of its block (or
/// of its entry of instances).
struct WalkTree {
  const BvhNode* nodes = nullptr;  ///< null: an empty tree
  const TriangleBlock* blocks = nullptr;
  const MovingBlock* moving = nullptr;
  const std::uint32_t* instances = nullptr;
  float reach = 0;  ///< the largest coordinate, either sign
};

struct WalkScene {
  WalkTree world;
  const WalkTree* meshes = nullptr;
  const InstanceView* instances = nullptr;
};

/// Rays through a scene, on this thread. All levels give the same answers: boxes only sort out what
/// cannot be hit, and triangles are met by the same steps (triangle_test.h).
struct WalkKernels {
  void (*closest)(const WalkScene& scene, const Ray* rays, Hit* hits, std::int64_t count);
  void (*occluded)(const WalkScene& scene, const Ray* rays, std::uint8_t* is_occluded,
                   std::int64_t count);
};

namespace plain {
extern const WalkKernels walk_kernels;
}
#if defined(__x86_64__)
namespace avx2 {
extern const WalkKernels walk_kernels;
}
#endif

}  // namespace sovren::trace
