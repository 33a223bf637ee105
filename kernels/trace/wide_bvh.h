// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/tracer.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// Our tree in the compressed form in which devices read it: eight boxes in 80 bytes.
//
// Levels   the world's tree holds the triangles of all meshes that stand there once, in world
//          space, and the instances of the others, which have a tree each, in object space.
// Motion   boxes cover the whole time that the shutter is open.
// Source   Ylitie, Karras and Laine, Efficient Incoherent Ray Traversal on GPUs Through Compressed
//          Wide BVHs (HPG 2017).

/// Eight boxes on a grid of 256 cells a side. A child's slot tells in which corner of the node it
/// lies (bit a: on the far side of axis a), so that a ray's octant is the order of its children.
struct alignas(16) WideNode {
  float origin[3] = {0, 0, 0};  ///< of the grid
  /// Bits 8 a to 8 a + 7: exponent of the cell's size on axis a, as a float has it; bit 24 + s:
  /// child s is a node.
  std::uint32_t scales_and_inner = 0;
  std::uint32_t first_child = 0;  ///< nodes among the children follow one another from here
  std::uint32_t first_item = 0;   ///< and so do the items of the others
  /// A byte for each child, four in a word. 0: none; node: 0b001'11000 + slot; items: their number
  /// in unary (0b001, 0b011, 0b111) and the place of the first one after first_item.
  std::uint32_t kinds[2] = {0, 0};
  /// Bounds in cells, a byte for each child.
  std::uint32_t low[3][2] = {};
  std::uint32_t high[3][2] = {};
};
static_assert(sizeof(WideNode) == 80);

inline constexpr int wide_leaf_items = 3;  ///< most that one child can have

/// A triangle; or, in the world's tree, an instance to go into.
struct alignas(16) WideItem {
  Vec3 a;
  /// Triangle: its number in the mesh. Instance: is_instance.
  std::uint32_t primitive = 0;
  Vec3 b;
  std::uint32_t instance = 0;  ///< in a mesh's own tree: unused
  Vec3 c;
  /// Triangle: its number in WideView::ends; no_hit: it stands still. Instance: its tree's root.
  std::uint32_t link = no_hit;
};
static_assert(sizeof(WideItem) == 48);
inline constexpr std::uint32_t is_instance = 0xFFFFFFFF;

/// The corners of a triangle when the shutter closes.
struct WideEnds {
  Vec3 a, b, c;
};

/// What a traversal reads. Node 0 is the world's root.
struct WideView {
  const WideNode* nodes = nullptr;
  const WideItem* items = nullptr;
  const WideEnds* ends = nullptr;
  const InstanceView* instances = nullptr;
  std::uint32_t stack_size = 0;
};

struct WideBvh {
  std::vector<WideNode> nodes;
  std::vector<WideItem> items;
  std::vector<WideEnds> ends;
  /// Entries that a walk may have to remember: for each level what is left of a node's children,
  /// and of its items.
  std::uint32_t stack_size = 0;

  std::int64_t size_bytes() const;
  WideView view(const InstanceView* instances) const {
    return {nodes.data(), items.data(), ends.data(), instances, stack_size};
  }
};

inline constexpr std::uint32_t wide_stack_max = 4 * bvh_depth_max + 2;

/// What bvh.h builds, made smaller. Errors, laws: as there.
Result<WideBvh> build_wide_bvh(const CompiledScene& scene, int threads);

/// The same tree and the same code as on a device, on the CPU: what the device's hits are compared
/// with. Slower than bvh.h's.
Result<std::unique_ptr<Tracer>> make_wide_bvh_tracer(std::shared_ptr<const CompiledScene> scene,
                                                     int threads);

}  // namespace sovren::trace
