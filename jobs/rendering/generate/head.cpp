// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/head.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "jobs/rendering/generate/distance.h"
#include "jobs/rendering/generate/shapes.h"
#include "kernels/trace/math.h"

namespace sovren::jobs {
namespace {

using trace::mix;
using trace::Vec3;

// All pieces take p with x made positive.

float skull(Vec3 p) {
  float d = ellipsoid_distance(p, {0, 3.1F, -0.8F}, {7.5F, 8.2F, 9.5F});
  d = joined(d, ellipsoid_distance(p, {0, 4.2F, 2.2F}, {6.2F, 5.6F, 6.7F}), 2);
  d = joined(d, ellipsoid_distance(p, {0, -3.3F, 2.0F}, {5.75F, 7.7F, 6.6F}), 2);
  d = joined(d, limb_distance(p, {3.8F, -6.4F, 0.6F}, 1.6F, {1.4F, -9.9F, 6.9F}, 1.55F), 1.6F);
  d = joined(d, ellipsoid_distance(p, {0, -7.0F, 4.0F}, {4.2F, 4.0F, 5.0F}), 1.5F);
  d = joined(d, ellipsoid_distance(p, {0, -10.0F, 7.4F}, {2.1F, 1.5F, 1.9F}), 1.6F);
  return d;
}

float cheeks_and_brows(float d, Vec3 p) {
  d = joined(d, limb_distance(p, {4.3F, -2.0F, 6.3F}, 1.5F, {6.2F, -1.2F, 2.4F}, 1.0F), 1.8F);
  d = joined(d, ball_distance(p, {3.4F, -4.6F, 5.9F}, 2.3F), 1.8F);
  d = joined(d, limb_distance(p, {0.9F, 2.0F, 8.15F}, 0.7F, {4.3F, 2.5F, 6.9F}, 0.75F), 1.3F);
  return d;
}

float lids(float d, Vec3 p) {
  d = carved(d, ellipsoid_distance(p, {3.1F, 0.15F, 9.3F}, {1.95F, 1.35F, 1.75F}), 1.0F);
  d = joined(d, ball_distance(p, eye_middle, eye_radius + 0.15F), 0.55F);
  if (p.z < eye_middle.z || trace::magnitude(p.y) > 2 || p.x > 5.5F) return d;
  const LidEdges edges = lid_edges(p.x);
  const float u = (p.x - eye_middle.x) / 1.7F;
  const float window = step_between(1, 0.55F, trace::magnitude(u)) *
                       step_between(eye_middle.z + 0.2F, eye_middle.z + 0.8F, p.z);
  // The fold above the upper lid, and the shadow of one below the lower.
  const float fold = (p.y - edges.upper - 0.36F) / 0.1F;
  const float bag = (p.y - edges.lower + 0.42F) / 0.2F;
  d += window * (0.09F * trace::exp_of(-fold * fold) + 0.025F * trace::exp_of(-bag * bag));
  const float opening = std::max(p.y - edges.upper, edges.lower - p.y) * 0.75F;
  return carved(d, std::max(opening, eye_middle.z + 0.25F - p.z), 0.07F);
}

float nose(float d, Vec3 p) {
  d = joined(d, limb_distance(p, {0.7F, -0.2F, 8.0F}, 0.75F, {0.95F, -3.4F, 9.1F}, 0.95F), 1.6F);
  d = joined(d, limb_distance(p, {0, 1.3F, 8.45F}, 0.6F, {0, -2.9F, 10.75F}, 0.72F), 0.9F);
  d = joined(d, ball_distance(p, {0, -3.35F, 10.85F}, 0.86F), 0.5F);
  d = joined(d, ball_distance(p, {0.32F, -3.4F, 10.95F}, 0.62F), 0.4F);
  d = joined(d, ellipsoid_distance(p, {1.12F, -3.75F, 9.75F}, {0.68F, 0.68F, 0.95F}), 0.4F);
  return carved(d, ellipsoid_distance(p, {0.6F, -4.35F, 10.05F}, {0.33F, 0.42F, 0.6F}), 0.22F);
}

float mouth(float d, Vec3 p) {
  d = joined(d, ellipsoid_distance(p, {0, -6.8F, 7.4F}, {2.9F, 2.3F, 2.0F}), 1.2F);
  d = carved(d, limb_distance(p, {0, -4.9F, 9.75F}, 0.2F, {0, -6.0F, 9.95F}, 0.26F), 0.4F);
  const float upper =
      std::min(limb_distance(p, {0.45F, -6.33F, 9.3F}, 0.4F, {2.3F, -6.86F, 8.4F}, 0.17F),
               limb_distance(p, {0, -6.44F, 9.36F}, 0.38F, {0.45F, -6.33F, 9.3F}, 0.4F));
  d = joined(d, upper, 0.3F);
  const float lower =
      std::min(limb_distance(p, {0, -7.38F, 9.16F}, 0.5F, {0.95F, -7.27F, 9.0F}, 0.46F),
               limb_distance(p, {0.95F, -7.27F, 9.0F}, 0.46F, {2.15F, -6.95F, 8.4F}, 0.17F));
  d = joined(d, lower, 0.3F);
  const float line =
      std::min(limb_distance(p, {0, -6.82F, 9.75F}, 0.1F, {0.7F, -6.76F, 9.62F}, 0.1F),
               limb_distance(p, {0.7F, -6.76F, 9.62F}, 0.1F, {2.4F, -6.92F, 8.55F}, 0.07F));
  d = carved(d, line, 0.22F);
  return carved(d, limb_distance(p, {0, -8.45F, 9.75F}, 0.42F, {1.1F, -8.35F, 9.35F}, 0.3F), 0.9F);
}

float ear(float d, Vec3 p) {
  if (p.x < 5 || p.y < -7 || p.y > 5 || p.z > 4 || p.z < -6) return d;
  // Its own frame: n away from the head, u up, v forwards. It stands off towards the back, and
  // leans back.
  const Vec3 q = p - Vec3{7.05F, -0.9F, -1.2F};
  constexpr float c = 0.9397F, s = 0.3420F;  // 20 degrees about y
  const float ahead = q.z * c + q.x * s, n = q.x * c - q.z * s;
  constexpr float cl = 0.9848F, sl = 0.1736F;  // 10 degrees about n
  const float u = q.y * cl + ahead * sl * -1, v = ahead * cl + q.y * sl;
  const Vec3 e{n, u, v};
  const float flat = mix(1.2F, 1.75F, step_between(-2.6F, 0.6F, u));
  float ear = ellipsoid_distance(e, {0, 0.1F, 0}, {0.42F, 2.75F, flat});
  ear = joined(ear, ellipsoid_distance(e, {0.05F, -2.05F, 0.5F}, {0.34F, 0.65F, 0.65F}), 0.5F);
  // The bowl, the trough within the rim, the rim, the fold between the two, the flap in front.
  ear = carved(ear, ellipsoid_distance(e, {0.55F, -0.6F, 0.4F}, {0.7F, 1.05F, 0.75F}), 0.35F);
  ear = carved(ear, ellipsoid_distance(e, {0.6F, 0.95F, -0.1F}, {0.42F, 1.35F, 1.15F}), 0.35F);
  const auto ring = [&](float radius, float widening, float height, float thick) {
    const float off = trace::root(u * u + trace::square(v * widening)) - radius;
    return trace::root(trace::square(off * 0.75F) + trace::square(n - height)) - thick;
  };
  const float low = step_between(-1.2F, -2.4F, u), front = step_between(0.4F, 1.2F, v);
  ear = joined(ear, ring(2.55F, 2.7F / flat, 0.3F, 0.24F) + 0.3F * low, 0.35F);
  ear = joined(ear, ring(1.55F, 1.5F, 0.18F, 0.2F) + 0.4F * std::max(low, front), 0.45F);
  ear = joined(ear, ellipsoid_distance(e, {0.2F, -0.6F, 1.2F}, {0.35F, 0.5F, 0.35F}), 0.4F);
  return joined(d, ear * 0.8F, 0.6F);
}

float neck(Vec3 p) {
  float d = limb_distance(p, {0, -8.0F, -2.2F}, 5.3F, {0, -20.0F, -3.6F}, 6.1F);
  d = joined(d, limb_distance(p, {4.4F, -7.5F, -2.6F}, 0.8F, {1.3F, -18.6F, 1.9F}, 0.6F), 2.2F);
  d = joined(d, ball_distance(p, {0, -13.6F, 2.3F}, 0.8F), 1.8F);
  return joined(d, limb_distance(p, {2.6F, -13.6F, -5.2F}, 3.3F, {15.4F, -21.6F, -4.8F}, 3.0F), 3);
}

float bump(Vec3 p, Vec3 middle, float width) {
  const float off = trace::length(p - middle) / width;
  return trace::exp_of(-off * off);
}

/// Height of the hairline by the angle from the front, where it is given.
float hairline(float angle) {
  constexpr std::array<std::array<float, 2>, 10> points{{{0, 7.2F},
                                                         {0.45F, 7.3F},
                                                         {0.72F, 6.0F},
                                                         {0.95F, 3.2F},
                                                         {1.12F, 1.2F},
                                                         {1.25F, -1.6F},
                                                         {1.42F, -0.6F},
                                                         {1.65F, 2.3F},
                                                         {2.05F, -2.6F},
                                                         {3.15F, -6.3F}}};
  for (std::size_t i = 1; i < points.size(); ++i)
    if (angle <= points[i][0])
      return mix(points[i - 1][1], points[i][1],
                 (angle - points[i - 1][0]) / (points[i][0] - points[i - 1][0]));
  return points.back()[1];
}

}  // namespace

LidEdges lid_edges(float x) {
  // An almond, its outer corner a little higher.
  const float u = (trace::magnitude(x) - eye_middle.x) / 1.5F;
  if (trace::magnitude(u) >= 1) return {0.1F * u, 0.1F * u, false};
  const float tilt = 0.1F * u;
  const float arch = 1 - u * u;
  return {tilt + 0.54F * trace::root(arch) * (1 - 0.18F * u), tilt - 0.42F * arch * (1 + 0.2F * u),
          true};
}

float head_distance(Vec3 p) {
  const Vec3 q{trace::magnitude(p.x), p.y, p.z};
  const float rough = std::min(skull(q), neck(q));
  if (rough > 4.5F) return rough - 3.2F;  // far from all that is added below
  float d = cheeks_and_brows(skull(q), q);
  if (q.z > 4 && q.y > -11 && q.y < 4) d = mouth(nose(lids(d, q), q), q);
  d = ear(d, q);
  d = joined(d, neck(q), 1.8F);
  return d - 0.02F * noise(p * 0.55F);
}

float body_distance(Vec3 p) {
  const Vec3 q{trace::magnitude(p.x), p.y, p.z};
  float d = neck(q);
  d = joined(d, ellipsoid_distance(q, {14.8F, -24.6F, -4.4F}, {5.8F, 5.4F, 5.6F}), 4);
  d = joined(d, limb_distance(q, {16.2F, -25, -4.4F}, 5.2F, {18.5F, -45, -3}, 4.8F), 3);
  return joined(d, ellipsoid_distance(q, {0, -33.2F, -2.8F}, {16.5F, 15.5F, 9.8F}), 5);
}

float hair_density(Vec3 p) {
  const float angle = trace::arc_tan2(trace::magnitude(p.x), p.z + 0.5F);
  const float ragged = 0.5F * noise(p * 1.1F) + 0.3F * noise(p * 3.1F);
  // Not on the ears, nor close around them.
  const Vec3 ear = Vec3{trace::magnitude(p.x), p.y, p.z} - Vec3{7.2F, -1.1F, -1.2F};
  const float around = trace::root(trace::square(ear.y / 3.1F) + trace::square(ear.z / 2.1F));
  const float bare = step_between(1.12F, 0.95F, around) * step_between(5, 6, p.x < 0 ? -p.x : p.x);
  return step_between(-0.35F, 0.7F, p.y - hairline(angle) + ragged) * (1 - bare);
}

Vec3 skin_color(Vec3 p) {
  const Vec3 q{trace::magnitude(p.x), p.y, p.z};
  Vec3 color{0.74F, 0.475F, 0.36F};
  const auto tint = [&](Vec3 towards, float share) { color = mix(color, towards, share); };
  const Vec3 flushed{0.70F, 0.33F, 0.26F}, sallow{0.72F, 0.50F, 0.37F}, shaded{0.55F, 0.36F, 0.33F};
  tint(flushed, 0.55F * bump(q, {3.9F, -3.2F, 8.0F}, 2.2F));
  tint(flushed, 0.6F * bump(q, {0, -3.6F, 11.2F}, 1.3F));
  tint(flushed,
       0.6F * step_between(6.8F, 7.6F, q.x) * step_between(3, 1, q.y) * step_between(-6, -4, q.y));
  tint(flushed, 0.35F * bump(q, {0, -10.3F, 9.2F}, 1.5F));
  tint(sallow, 0.4F * bump(q, {0, 5.5F, 9}, 3));
  tint(shaded, 0.45F * bump(q, {3.0F, -1.05F, 8.3F}, 0.8F));
  tint(shaded, 0.35F * bump(q, {3.2F, 0.85F, 8.5F}, 0.75F));
  // Lips: where the two rolls are, with a soft edge.
  const float up = limb_distance(q, {0, -6.45F, 9.6F}, 0.36F, {2.15F, -6.86F, 8.75F}, 0.14F);
  const float down = limb_distance(q, {0, -7.4F, 9.5F}, 0.48F, {2.1F, -6.96F, 8.75F}, 0.16F);
  const float lips = step_between(0.22F, 0.04F, std::min(up, down));
  tint({0.58F, 0.235F, 0.21F}, 0.85F * lips);
  tint({0.66F, 0.3F, 0.27F}, 0.7F * bump(q, {1.72F, -0.1F, 8.2F}, 0.25F));  // inner corners
  // Under hair, and where a beard was shaved.
  tint({0.16F, 0.1F, 0.075F}, 0.8F * hair_density(p) * step_between(-7, -5, p.y));
  const float mottle =
      1 + 0.05F * noise(p * 1.7F) + 0.05F * noise(p * 5.3F) + 0.03F * noise(p * 14);
  return color * mottle;
}

}  // namespace sovren::jobs
