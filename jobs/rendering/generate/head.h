// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/vec.h"

namespace sovren::jobs {

// The head of the portrait: a body moulded of some sixty soft pieces. Centimetres; the face looks
// along +z, y is up, the line of the eyes is y = 0. Symmetric about x = 0.

inline constexpr trace::Vec3 eye_middle{3.15F, 0, 7.3F};  ///< of the eye at positive x
inline constexpr float eye_radius = 1.2F;

/// Head with ears and neck, down to below the collar.
float head_distance(trace::Vec3 p);
/// Neck, shoulders and chest without the head: what clothes lie on.
float body_distance(trace::Vec3 p);
/// Colour of the skin there, linear sRGB.
trace::Vec3 skin_color(trace::Vec3 p);
/// How densely hair grows there, from 0 to 1.
float hair_density(trace::Vec3 p);

/// Edges of the eye's opening at x: heights of the upper and the lower lid, from the eye's middle.
/// is_open: between the corners.
struct LidEdges {
  float upper = 0, lower = 0;
  bool is_open = false;
};
LidEdges lid_edges(float x);

}  // namespace sovren::jobs
