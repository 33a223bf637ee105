// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/math.h"
#include "kernels/trace/surface.h"
#include "kernels/trace/triangle_test.h"
#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"
#include "kernels/trace/wide_bvh.h"

namespace sovren::trace {

// How a ray goes through a WideBvh, step by step, for the CPU and for devices: many rays go side by
// side on a device, each step of all of them together (wavefront_body.h).
//
// Laws     finds the bits that the CPU's walk finds (level/walk.cpp): triangles are met by the same
//          steps (triangle_test.h), boxes are wider than what rounding can shift, and ties do not
//          depend on the tree.

/// Where to go on: children of a node (bits 24 to 31 of `bits`: those that were hit, in the order
/// in which the ray comes to them; 0 to 7: the node's mask of inner children), or items (bits 0 to
/// 23: those that were hit, from `first` on; no others).
struct alignas(8) WideGroup {
  std::uint32_t first = 0, bits = 0;
};
SOVREN_TRACE bool has_nodes(WideGroup group) {
  return group.bits > 0x00FFFFFFU;
}

/// A ray on its way.
struct WideWalk {
  RayShear shear;  ///< in the space of the tree it is in
  Vec3 inverse;    ///< of the direction there
  float t_min = 0, time = 0;
  std::uint32_t octant = 0;  ///< bit a: it goes up along axis a
  WideGroup nodes, items;
  std::uint32_t depth = 0;           ///< entries of the stack
  std::uint32_t instance_depth = 0;  ///< how many there were before the instance that it is in
  std::uint32_t instance = no_hit;   ///< that it is in; no_hit: in the world's tree
  Hit hit;                           ///< nearest so far; t: how far to look
};

SOVREN_TRACE int bit_count(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __popc(bits);
#else
  return __builtin_popcount(bits);
#endif
}
/// bits must not be 0.
SOVREN_TRACE std::uint32_t highest_bit(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return 31U - static_cast<std::uint32_t>(__clz(static_cast<int>(bits)));
#else
  return 31U - static_cast<std::uint32_t>(__builtin_clz(bits));
#endif
}
/// a b + c, rounded once on a device and twice on the CPU: for boxes, which are widened by more.
SOVREN_TRACE float about(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fmaf_rn(a, b, c);
#else
  return a * b + c;
#endif
}
/// Of numbers that are none of them NaN: one instruction on a device, as a comparison is not.
SOVREN_TRACE float larger(float a, float b) {
#ifdef __CUDA_ARCH__
  return fmaxf(a, b);
#else
  return maximum(a, b);
#endif
}
SOVREN_TRACE float smaller(float a, float b) {
#ifdef __CUDA_ARCH__
  return fminf(a, b);
#else
  return minimum(a, b);
#endif
}
/// Reads 16 bytes at a time, on a device by way of its read-only cache.
template <class T>
SOVREN_TRACE T read_once(const T* from) {
#ifdef __CUDA_ARCH__
  static_assert(sizeof(T) % sizeof(uint4) == 0 && alignof(T) >= sizeof(uint4));
  uint4 words[sizeof(T) / sizeof(uint4)];
#pragma unroll
  for (unsigned k = 0; k < sizeof(T) / sizeof(uint4); ++k)
    words[k] = __ldg(reinterpret_cast<const uint4*>(from) + k);
  T value;
  __builtin_memcpy(&value, words, sizeof value);
  return value;
#else
  return *from;
#endif
}

/// 1 / x, finite. A ray along a plane is taken as one that comes to it far away.
SOVREN_TRACE float safe_inverse(float x) {
  constexpr float smallest = 0x1p-80F;
  if (magnitude(x) < smallest) return x < 0 ? -1 / smallest : 1 / smallest;
  return 1 / x;
}

SOVREN_TRACE void turn_to(WideWalk& walk, Vec3 origin, Vec3 direction) {
  walk.shear = shear_of(origin, direction);
  walk.inverse = {safe_inverse(direction.x), safe_inverse(direction.y), safe_inverse(direction.z)};
  walk.octant = (walk.inverse.x < 0 ? 0U : 1U) | (walk.inverse.y < 0 ? 0U : 2U) |
                (walk.inverse.z < 0 ? 0U : 4U);
}

/// A group that leads to node `root` alone.
SOVREN_TRACE WideGroup group_of(std::uint32_t root) {
  return {root, 0x80000000U};
}

/// A ray before its first step. One without room between t_min and t_max finds nothing.
SOVREN_TRACE WideWalk begin_walk(const Ray& ray) {
  WideWalk walk;
  turn_to(walk, ray.origin, ray.direction);
  walk.t_min = ray.t_min;
  walk.time = ray.time;
  walk.nodes = ray.t_max > ray.t_min ? group_of(0) : WideGroup{};
  walk.hit.t = ray.t_max;
  return walk;
}

SOVREN_TRACE std::uint32_t byte_of(std::uint32_t word, int k) {
  return word >> (8 * k) & 0xFFU;
}

/// One axis of a node, as the ray sees it: t = cells step + near or far, which are apart by more
/// than rounding can shift here (4 units in the last place of the largest number met) and in
/// triangle_test.h (as much again).
struct WideSlab {
  float step, near, far;
};
SOVREN_TRACE WideSlab slab_of(float node_origin, std::uint32_t exponent, float ray_origin,
                              float inverse) {
  const float step = float_of_bits(exponent << 23) * inverse;
  const float begin = (node_origin - ray_origin) * inverse;
  const float margin = (magnitude(begin) + 255 * magnitude(step)) * 0x1p-20F;
  return {step, begin - margin, begin + margin};
}

/// Which children of a node the ray meets: bits as WideGroup has them, nodes and items together.
SOVREN_TRACE std::uint32_t met_children(const WideNode& node, const WideWalk& walk) {
  const std::uint32_t scales = node.scales_and_inner;
  const WideSlab x =
      slab_of(node.origin[0], byte_of(scales, 0), walk.shear.origin.x, walk.inverse.x);
  const WideSlab y =
      slab_of(node.origin[1], byte_of(scales, 1), walk.shear.origin.y, walk.inverse.y);
  const WideSlab z =
      slab_of(node.origin[2], byte_of(scales, 2), walk.shear.origin.z, walk.inverse.z);
  const bool up_x = (walk.octant & 1U) != 0;
  const bool up_y = (walk.octant & 2U) != 0;
  const bool up_z = (walk.octant & 4U) != 0;
  std::uint32_t met = 0;
  SOVREN_UNROLL for (int half = 0; half < 2; ++half) {
    // All four kinds at once. Nodes (places 24 and up) go where the ray's octant sorts them, items
    // stay where they are.
    const std::uint32_t kinds = node.kinds[half];
    const std::uint32_t inner = (kinds & kinds << 1) >> 4 & 0x01010101U;
    const std::uint32_t places = (kinds ^ inner * walk.octant) & 0x1F1F1F1FU;
    const std::uint32_t bits = kinds >> 5 & 0x07070707U;
    const std::uint32_t near_x = up_x ? node.low[0][half] : node.high[0][half];
    const std::uint32_t near_y = up_y ? node.low[1][half] : node.high[1][half];
    const std::uint32_t near_z = up_z ? node.low[2][half] : node.high[2][half];
    const std::uint32_t far_x = up_x ? node.high[0][half] : node.low[0][half];
    const std::uint32_t far_y = up_y ? node.high[1][half] : node.low[1][half];
    const std::uint32_t far_z = up_z ? node.high[2][half] : node.low[2][half];
    SOVREN_UNROLL for (int k = 0; k < 4; ++k) {
      const float enter_x = about(static_cast<float>(byte_of(near_x, k)), x.step, x.near);
      const float enter_y = about(static_cast<float>(byte_of(near_y, k)), y.step, y.near);
      const float enter_z = about(static_cast<float>(byte_of(near_z, k)), z.step, z.near);
      const float leave_x = about(static_cast<float>(byte_of(far_x, k)), x.step, x.far);
      const float leave_y = about(static_cast<float>(byte_of(far_y, k)), y.step, y.far);
      const float leave_z = about(static_cast<float>(byte_of(far_z, k)), z.step, z.far);
      const float enter = larger(larger(enter_x, enter_y), larger(enter_z, walk.t_min));
      const float leave = smaller(smaller(leave_x, leave_y), smaller(leave_z, walk.hit.t));
      if (enter <= leave) met |= byte_of(bits, k) << byte_of(places, k);
    }
  }
  return met;
}

/// The ray goes into an instance: what is left to do in the world comes after it. `item` is one.
/// ray: as the walk began with it.
template <class Stack>
SOVREN_TRACE void enter_instance(const WideView& bvh, WideWalk& walk, Stack& stack,
                                 const WideItem& item, const Ray& ray) {
  if (walk.items.bits != 0) stack.put(walk.depth++, walk.items);
  if (has_nodes(walk.nodes)) stack.put(walk.depth++, walk.nodes);
  const InstanceView& instance = bvh.instances[item.instance];
  const Affine inward =
      instance.is_moving ? inverse(transform_at(instance, walk.time)) : instance.object_from_world;
  walk.instance = item.instance;
  walk.instance_depth = walk.depth;
  turn_to(walk, transform_point(inward, ray.origin), transform_vector(inward, ray.direction));
  walk.items = {};
  walk.nodes = group_of(item.link);
}

/// Goes from a node to the next one: makes walk.nodes and walk.items what it meets there.
template <class Stack>
SOVREN_TRACE void visit_node(const WideView& bvh, WideWalk& walk, Stack& stack) {
  const std::uint32_t bit = highest_bit(walk.nodes.bits);
  const WideGroup here{walk.nodes.first, walk.nodes.bits & ~(1U << bit)};
  if (has_nodes(here)) stack.put(walk.depth++, here);
  const std::uint32_t slot = (bit - 24U) ^ walk.octant;
  // The root stands alone: its group has no inner children to count.
  const int before = bit_count(here.bits & ((1U << (slot & 7U)) - 1U) & 0xFFU);
  const WideNode node = read_once(bvh.nodes + here.first + static_cast<std::uint32_t>(before));
  const std::uint32_t met = met_children(node, walk);
  walk.nodes = {node.first_child, (met & 0xFF000000U) | node.scales_and_inner >> 24};
  walk.items = {node.first_item, met & 0x00FFFFFFU};
}

/// Takes one of walk.items, which must not be empty. is_any: a hit ends the walk. ray(): the one
/// that it began with.
template <bool is_any, class Stack, class RayOf>
SOVREN_TRACE void visit_item(const WideView& bvh, WideWalk& walk, Stack& stack, const RayOf& ray) {
  const std::uint32_t bit = highest_bit(walk.items.bits);
  walk.items.bits &= ~(1U << bit);
  WideItem item = read_once(bvh.items + walk.items.first + bit);
  if (item.primitive == is_instance) return enter_instance(bvh, walk, stack, item, ray());
  if (item.link != no_hit) {
    const WideEnds& end = bvh.ends[item.link];
    item.a = mix(item.a, end.a, walk.time);
    item.b = mix(item.b, end.b, walk.time);
    item.c = mix(item.c, end.c, walk.time);
  }
  Hit found{walk.instance == no_hit ? item.instance : walk.instance, item.primitive};
  if (!meets(walk.shear, item.a, item.b, item.c, walk.t_min, walk.hit.t, found.t, found.u, found.v))
    return;
  if (found.t == walk.hit.t &&
      (walk.hit.instance == no_hit ||
       !comes_first(found.instance, found.primitive, walk.hit.instance, walk.hit.primitive)))
    return;
  walk.hit = found;
  if constexpr (is_any) {
    walk.nodes = walk.items = {};
    walk.depth = 0;
    walk.instance = no_hit;
  }
}

/// Where neither nodes nor items are left: takes what was put off. False: the walk is at its end.
/// ray(): the one that it began with.
template <class Stack, class RayOf>
SOVREN_TRACE bool take_up(WideWalk& walk, const Stack& stack, const RayOf& ray) {
  if (walk.instance != no_hit && walk.depth == walk.instance_depth) {
    const Ray begun = ray();
    walk.instance = no_hit;
    turn_to(walk, begun.origin, begun.direction);
  }
  if (walk.depth == 0) return false;
  const WideGroup group = stack.get(--walk.depth);
  if (has_nodes(group))
    walk.nodes = group;
  else
    walk.items = group;
  return true;
}

/// All the way, by one thread.
template <bool is_any>
SOVREN_TRACE Hit walk_through(const WideView& bvh, const Ray& ray) {
  struct {
    WideGroup groups[wide_stack_max];
    SOVREN_BOTH void put(std::uint32_t k, WideGroup group) { groups[k] = group; }
    SOVREN_BOTH WideGroup get(std::uint32_t k) const { return groups[k]; }
  } stack;
  const auto begun = [&ray] { return ray; };
  WideWalk walk = begin_walk(ray);
  do {
    if (has_nodes(walk.nodes)) visit_node(bvh, walk, stack);
    while (walk.items.bits != 0) visit_item<is_any>(bvh, walk, stack, begun);
  } while (has_nodes(walk.nodes) || take_up(walk, stack, begun));
  return walk.hit;
}

}  // namespace sovren::trace
