// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Directions within an angle of an axis.
struct Cone {
  Vec3 axis;
  float angle = 0;  ///< radians; pi: all directions
};

/// The smallest cone that holds both, nearly.
Cone cone_of(const Cone& a, const Cone& b);

/// What the tree knows of a light, or of some.
struct LightBounds {
  Vec3 low, high;
  Cone normals;
  float emission = 0;  ///< how far from a normal it shines, radians
  float power = 0;
  bool is_two_sided = false;
};

struct LightTree {
  std::vector<LightNode> nodes;
  std::vector<std::uint32_t> leaves;  ///< of each light, or no_leaf
};

/// The tree of those lights whose power is positive; empty without any.
/// Source   Conty Estevez and Kulla, Importance Sampling of Many Lights with Adaptive Tree
///          Splitting (HPG 2018): splits by the surface area orientation heuristic.
LightTree build_light_tree(const std::vector<LightBounds>& lights);

}  // namespace sovren::trace
