// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// The choice of one of many lights: a walk down a binary tree, at each node to the child that
// probably gives more light here, by its power, distance and direction.
//
// Source   Conty Estevez and Kulla, Importance Sampling of Many Lights with Adaptive Tree
//          Splitting (HPG 2018); angles by their sines and cosines as in Pharr, Jakob and
//          Humphreys, Physically Based Rendering (4th ed., 2023), section 12.6.3.

/// Where light is looked for.
struct Receiver {
  Vec3 position;
  /// Unit: only light from this side counts, that is, from directions with a positive dot product.
  /// 0: light from all around, as inside of a body, or where light passes through.
  Vec3 side;
  float time = 0;  ///< of the shutter, from 0 to 1
};

SOVREN_TRACE float sine_of(float cosine) {
  return root(maximum(0.0F, 1.0F - cosine * cosine));
}

/// Cosine and sine of angle a less angle b, at least 0.
struct AngleParts {
  float cosine = 1, sine = 0;
};
SOVREN_TRACE AngleParts angle_less(AngleParts a, AngleParts b) {
  if (a.cosine > b.cosine) return {1, 0};
  return {a.cosine * b.cosine + a.sine * b.sine, a.sine * b.cosine - a.cosine * b.sine};
}

/// How much light may come from the node's lights, in some unit. 0 only if none comes.
SOVREN_TRACE float importance(const LightNode& node, const Receiver& receiver) {
  const Vec3 middle = (node.low + node.high) * 0.5F;
  const Vec3 half = (node.high - node.low) * 0.5F;
  const Vec3 way = receiver.position - middle;
  const float radius_squared = dot(half, half);
  const float squared = dot(way, way);
  // Within the ball around the lights anything may be anywhere.
  if (!(squared > radius_squared)) return node.power / maximum(radius_squared, 1e-30F);
  const float scale = 1.0F / root(squared);
  const float sin_ball_squared = radius_squared / squared;
  const AngleParts ball{root(1.0F - sin_ball_squared), root(sin_ball_squared)};
  AngleParts off_axis;
  off_axis.cosine = dot(node.axis, way) * scale;
  if (node.is_two_sided) off_axis.cosine = magnitude(off_axis.cosine);
  off_axis.sine = sine_of(off_axis.cosine);
  const float cosine =
      angle_less(angle_less(off_axis, {node.cos_normal, node.sin_normal}), ball).cosine;
  if (!(cosine > node.cos_emission)) return 0;
  float value = node.power * cosine / squared;
  if (!is_black(receiver.side)) {
    const float incident = -dot(receiver.side, way) * scale;
    const float most = angle_less({incident, sine_of(incident)}, ball).cosine;
    if (!(most > 0)) return 0;
    value *= most;
  }
  return value;
}

/// Chance to go left from an inner node; negative: no light comes from either child.
SOVREN_TRACE float chance_of_left(const LightNode* tree, std::uint32_t node,
                                  const Receiver& receiver) {
  const float left = importance(tree[node + 1], receiver);
  const float right = importance(tree[tree[node].right], receiver);
  const float sum = left + right;
  return sum > 0 ? left / sum : -1.0F;
}

/// The light that u chooses, and its chance; no_leaf if there is none.
SOVREN_TRACE std::uint32_t choose_from_tree(const LightNode* tree, const Receiver& receiver,
                                            float u, float& chance) {
  chance = 1;
  std::uint32_t node = 0;
  while (!tree[node].is_leaf) {
    const float left = chance_of_left(tree, node, receiver);
    if (left < 0) return no_leaf;
    const bool is_left = u < left;
    const float share = is_left ? left : 1.0F - left;
    u = minimum((is_left ? u : u - left) / share, 0x1.fffffep-1F);
    chance *= share;
    node = is_left ? node + 1 : tree[node].right;
  }
  return tree[node].light;
}

/// With what chance choose_from_tree ends at that leaf.
SOVREN_TRACE float chance_of_leaf(const LightNode* tree, const Receiver& receiver,
                                  std::uint32_t leaf) {
  float chance = 1;
  std::uint32_t node = 0;
  while (!tree[node].is_leaf) {
    const float left = chance_of_left(tree, node, receiver);
    if (left < 0) return 0;
    const bool is_left = leaf < tree[node].right;
    chance *= is_left ? left : 1.0F - left;
    node = is_left ? node + 1 : tree[node].right;
  }
  return chance;
}

}  // namespace sovren::trace
