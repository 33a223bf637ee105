// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/hair.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "jobs/rendering/generate/distance.h"
#include "jobs/rendering/generate/head.h"
#include "jobs/rendering/generate/shapes.h"
#include "jobs/rendering/generate/surface_nets.h"

namespace sovren::jobs {
namespace {

using trace::Mesh;
using trace::mix;
using trace::Vec3;

constexpr int sides = 3;
constexpr int joints = 5;  ///< points along a hair of the head

Vec3 head_slope(Vec3 p) {
  return slope_of(head_distance, p, 0.05F);
}

/// Along the skin.
Vec3 flattened(Vec3 way, Vec3 normal) {
  const Vec3 flat = way - normal * trace::dot(way, normal);
  return trace::length(flat) > 1e-4F ? trace::normalized(flat) : way;
}

void add_strand(Mesh& mesh, std::span<const Vec3> points, float thick, float shade) {
  std::vector<float> radii;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const float along = static_cast<float>(i) / static_cast<float>(points.size() - 1);
    radii.push_back(thick * (1 - 0.85F * along * along));
  }
  Mesh strand = tube(points, radii, sides);
  strand.colors.assign(strand.positions.size(), {shade, shade, shade, 1});
  append(mesh, strand);
}

/// Random numbers of one hair.
class Rolls {
 public:
  Rolls(std::uint32_t kind, std::uint32_t index) : kind_(kind * 64), index_(index) {}
  float next() { return chance(kind_++, index_); }
  float between(float low, float high) { return mix(low, high, next()); }
  Vec3 way() { return {between(-1, 1), between(-1, 1), between(-1, 1)}; }

 private:
  std::uint32_t kind_, index_;
};

/// Which way hair is combed: on top back and to the side of the parting, at the sides back and
/// down. Neighbours are combed alike, in locks.
Vec3 combed(Vec3 p) {
  const float top = step_between(3.5F, 8.5F, p.y), front = step_between(-2, 6, p.z);
  const float side = p.x > 2.6F ? 1.0F : -1.0F;  // of the parting
  const Vec3 above = Vec3{0.75F * side, 0.25F * front, -0.75F};
  const Vec3 beside{0, -0.85F, -0.5F};
  const Vec3 lock{noise(p * 0.9F), noise(p * 0.9F + Vec3{7, 0, 0}),
                  noise(p * 0.9F + Vec3{0, 7, 0})};
  const Vec3 wisp{noise(p * 2.6F), noise(p * 2.6F + Vec3{5, 0, 0}),
                  noise(p * 2.6F + Vec3{0, 5, 0})};
  return mix(beside, above, top) + lock * 0.55F + wisp * 0.35F;
}

void grow(Mesh& mesh, Vec3 root, Vec3 normal, Rolls& rolls) {
  const float top = step_between(1.5F, 7.5F, root.y);
  const float front = step_between(0, 7, root.z);
  const float length = mix(1.0F, 3.6F + 1.2F * front, top) * rolls.between(0.75F, 1.15F);
  const float lift = mix(0.1F, 0.7F + 0.3F * front, top) * rolls.between(0.7F, 1.2F);
  std::array<Vec3, joints> points{root - normal * 0.05F};
  Vec3 way =
      trace::normalized(normal * lift + flattened(combed(root), normal) + rolls.way() * 0.12F);
  const float step = length / (joints - 1);
  for (std::size_t i = 1; i < points.size(); ++i) {
    Vec3 at = points[i - 1] + way * step;
    const float along = static_cast<float>(i) / (joints - 1);
    // Lie down towards the tip, but above the skin.
    const float clearance = 0.06F + 0.35F * lift * (1 - along * 0.5F) * top;
    const float depth = head_distance(at) - clearance;
    const Vec3 up = head_slope(at);
    if (depth < 0) at = at - up * depth;
    points[i] = at;
    const Vec3 next = flattened(combed(at), up);
    way = trace::normalized(way + next * 0.45F - up * (0.18F * along) + rolls.way() * 0.08F);
  }
  add_strand(mesh, points, rolls.between(0.022F, 0.034F), rolls.between(0.55F, 1.0F));
}

/// A short hair that bends from one way to another.
void add_short_hair(Mesh& mesh, Vec3 root, Vec3 first, Vec3 last, float length, float thick,
                    float shade) {
  const Vec3 middle = root + trace::normalized(first) * (length * 0.5F);
  const std::array<Vec3, 3> points{root, middle,
                                   middle + trace::normalized(last) * (length * 0.5F)};
  add_strand(mesh, points, thick, shade);
}

/// Draws a point in front of the face back onto the skin.
Vec3 onto_skin(Vec3 p) {
  for (int round = 0; round < 6; ++round) p = p - head_slope(p) * (head_distance(p) * 0.8F);
  return p;
}

}  // namespace

Mesh scalp_hair(const Mesh& skin, int strands) {
  // Triangles by area and density: the n-th root lies where the sum first reaches its share.
  std::vector<float> reached;
  float sum = 0;
  for (const auto& t : skin.triangles) {
    const Vec3 a = skin.positions[t[0]], b = skin.positions[t[1]], c = skin.positions[t[2]];
    sum += hair_density((a + b + c) * (1.0F / 3)) * trace::length(trace::cross(b - a, c - a));
    reached.push_back(sum);
  }
  Mesh mesh;
  if (sum <= 0) return mesh;
  for (int i = 0; i < strands; ++i) {
    Rolls rolls(1, static_cast<std::uint32_t>(i));
    const float share = (static_cast<float>(i) + rolls.next()) / static_cast<float>(strands);
    const auto found = std::ranges::lower_bound(reached, share * sum);
    if (found == reached.end()) continue;
    const auto& t = skin.triangles[static_cast<std::size_t>(found - reached.begin())];
    float u = rolls.next(), v = rolls.next();
    if (u + v > 1) u = 1 - u, v = 1 - v;
    const auto blend = [&](const std::vector<Vec3>& of) {
      return of[t[0]] * (1 - u - v) + of[t[1]] * u + of[t[2]] * v;
    };
    grow(mesh, blend(skin.positions), trace::normalized(blend(skin.normals)), rolls);
  }
  return mesh;
}

Mesh brows(float detail) {
  Mesh mesh;
  const int count = std::max(8, static_cast<int>(420 * detail));
  for (int i = 0; i < 2 * count; ++i) {
    Rolls rolls(2, static_cast<std::uint32_t>(i));
    const float side = i % 2 == 0 ? 1.0F : -1.0F;
    const float along = rolls.next();  // 0 at the nose
    const float arch = 1.72F + 0.75F * along - 0.95F * along * along * along;
    const float wide = 0.34F * (1 - 0.75F * along) + 0.06F;
    const float across = rolls.between(-1, 1);
    const Vec3 root = onto_skin(
        {side * (1.15F + 3.5F * along), arch + wide * across, 9.6F - 1.9F * along * along});
    const Vec3 up = head_slope(root);
    const Vec3 out{side, 0.55F - 1.3F * along - 0.35F * across, 0};
    const Vec3 way = flattened(out + rolls.way() * 0.25F, up);
    add_short_hair(mesh, root - up * 0.02F, way + up * 0.5F, way, rolls.between(0.5F, 0.85F),
                   rolls.between(0.014F, 0.02F), rolls.between(0.6F, 1.0F));
  }
  return mesh;
}

Mesh lashes(float detail) {
  Mesh mesh;
  const int count = std::max(8, static_cast<int>(110 * detail));
  for (int i = 0; i < 4 * count; ++i) {
    Rolls rolls(3, static_cast<std::uint32_t>(i));
    const float side = i % 2 == 0 ? 1.0F : -1.0F;
    const bool is_upper = i % 4 < 2;
    const float u = rolls.between(-0.86F, 0.95F);
    const float x = eye_middle.x + 1.5F * u;
    const LidEdges edges = lid_edges(x);
    const float y = is_upper ? edges.upper + 0.03F : edges.lower - 0.03F;
    // On the lid's ball, at its edge.
    const float dx = x - eye_middle.x, radius = eye_radius + 0.13F;
    const float dz = trace::root(std::max(radius * radius - dx * dx - y * y, 0.05F));
    const Vec3 root{side * x, y, eye_middle.z + dz};
    const Vec3 fan{side * 0.55F * u, 0, 0};
    const Vec3 first = is_upper ? Vec3{0, -0.12F, 1} : Vec3{0, -0.25F, 0.9F};
    const Vec3 last = is_upper ? Vec3{0, 0.75F, 0.75F} : Vec3{0, -0.5F, 0.55F};
    const float length = is_upper ? rolls.between(0.6F, 0.9F) : rolls.between(0.3F, 0.5F);
    add_short_hair(mesh, root, first + fan + rolls.way() * 0.1F, last + fan + rolls.way() * 0.12F,
                   length, 0.012F, 0.5F);
  }
  return mesh;
}

}  // namespace sovren::jobs
