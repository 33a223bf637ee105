// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/vec.h"

namespace sovren::trace {

// Our own tree over a scene: plain arrays, made once on the CPU. The CPU's walk packs them
// (bvh_pack.h); a device quantizes them.
//
// Source   Wald: On fast construction of SAH-based bounding volume hierarchies (2007), for the
//          binary tree; Ylitie, Karras, Laine: Efficient incoherent ray traversal on GPUs through
//          compressed wide BVHs (HPG 2017), sections 3.1 and 3.2, for making it eight-wide and
//          for the order of children.

inline constexpr int bvh_width = 8;
inline constexpr int bvh_leaf_max = 4;
/// Nodes from the root to a leaf, at most: a walk's stack needs 7 places for each.
inline constexpr int bvh_depth_max = 80;

/// What a child of a node is, in 32 bits. (Always inlined: sources for other processors use it.)
struct BvhChild {
  enum class Kind : std::uint32_t { inner, triangles, moving, instance };
  std::uint32_t bits = 0;  ///< 0: there is none

  [[gnu::always_inline]] static BvhChild make(Kind kind, std::uint32_t count, std::uint32_t first) {
    return {static_cast<std::uint32_t>(kind) << 30 | (count - 1) << 28 | first};
  }
  [[gnu::always_inline]] Kind kind() const { return static_cast<Kind>(bits >> 30); }
  /// Of a leaf: how many things it has, from first() on: 1 .. 4. Instances: 1.
  [[gnu::always_inline]] std::uint32_t count() const { return (bits >> 28 & 3) + 1; }
  /// inner: the node; else the first of BvhTree's array of its kind.
  [[gnu::always_inline]] std::uint32_t first() const { return bits & first_max; }

  static constexpr std::uint32_t first_max = (1U << 28) - 1;
};

/// Boxes and children; a child that is not there has low = +inf, high = -inf.
///
/// Order    a ray whose direction is negative in the axes of the bits of `octant` (1: x, 2: y,
///          4: z) meets the children roughly in the order of (slot ^ octant), 0 first.
struct alignas(32) BvhNode {
  float low[3][bvh_width];
  float high[3][bvh_width];
  BvhChild child[bvh_width];
};

/// Corners in the tree's own space.
struct BvhTriangle {
  Vec3 corner[3];
  std::uint32_t instance;   ///< of the scene; in the tree of a shared mesh: 0
  std::uint32_t primitive;  ///< of the mesh
};

/// Its corners go along straight lines.
struct BvhMovingTriangle {
  Vec3 begin[3], end[3];
  std::uint32_t instance, primitive;
};

struct BvhTree {
  std::vector<BvhNode> nodes;          ///< the root is 0, unless there is nothing at all
  std::vector<BvhTriangle> triangles;  ///< leaf by leaf
  std::vector<BvhMovingTriangle> moving;
  std::vector<std::uint32_t> instances;  ///< of the scene, that refer to shared meshes
  Vec3 low, high;                        ///< at all times
  std::size_t size_bytes() const;
};

/// The world's tree holds, in world space, the triangles of each instance that alone has its mesh,
/// and the other instances, whose rays go on in the tree of their mesh. (An instance that moves and
/// whose mesh changes its shape is of the other ones: its corners go along curves.)
struct Bvh {
  BvhTree world;
  std::vector<BvhTree> meshes;  ///< in the mesh's own space; empty where none refers to it
  std::size_t size_bytes() const;
};

struct BvhOptions {
  int leaf_max = bvh_leaf_max;  ///< triangles in a leaf
  float node_cost = 1;          ///< of testing a node's eight boxes
  float leaf_cost = 0.8F;       ///< of testing a leaf, whatever it has
  float triangle_cost = 0;      ///< and of each of its triangles
};

/// Laws     the same tree for any number of threads. NaN-free input (compile() sees to it).
/// Limits   2^28 leaves, and as many triangles, in one tree: refused above.
Result<Bvh> build_bvh(const CompiledScene& scene, int threads, const BvhOptions& options = {});

}  // namespace sovren::trace
