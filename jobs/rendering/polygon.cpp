// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/polygon.h"

#include <algorithm>
#include <numeric>

namespace sovren::jobs {
namespace {

using trace::Vec2;
using trace::Vec3;
using Triangles = std::vector<std::array<std::uint32_t, 3>>;

constexpr std::size_t ears_max = 2048;  ///< larger ones take a time that grows with the square

void fan(std::span<const std::uint32_t> corners, Triangles& triangles) {
  for (std::size_t i = 1; i + 1 < corners.size(); ++i)
    triangles.push_back({corners[0], corners[i], corners[i + 1]});
}

/// Twice its area by Newell's method; its length is 0 where the corners are in a line.
Vec3 normal_of(std::span<const Vec3> corners) {
  Vec3 sum{};
  for (std::size_t i = 0; i < corners.size(); ++i)
    sum += trace::cross(corners[i] - corners[0], corners[(i + 1) % corners.size()] - corners[0]);
  return sum;
}

float turn(Vec2 a, Vec2 b, Vec2 c) {
  return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
}

bool is_inside(Vec2 p, Vec2 a, Vec2 b, Vec2 c) {
  return turn(a, b, p) >= 0 && turn(b, c, p) >= 0 && turn(c, a, p) >= 0;
}

/// Is the corner in the middle of three a tip that can be cut off?
bool is_ear(std::span<const Vec2> flat, std::span<const std::uint32_t> left, std::size_t at) {
  const std::size_t n = left.size();
  const std::uint32_t i = left[(at + n - 1) % n], j = left[at], k = left[(at + 1) % n];
  if (turn(flat[i], flat[j], flat[k]) <= 0) return false;
  return std::ranges::none_of(left, [&](std::uint32_t other) {
    return other != i && other != j && other != k && flat[other] != flat[i] &&
           flat[other] != flat[j] && flat[other] != flat[k] &&
           is_inside(flat[other], flat[i], flat[j], flat[k]);
  });
}

}  // namespace

void split_polygon(std::span<const Vec3> corners, Triangles& triangles) {
  if (corners.size() < 3) return;
  std::vector<std::uint32_t> left(corners.size());
  std::iota(left.begin(), left.end(), 0U);
  if (left.size() == 3 || left.size() > ears_max) return fan(left, triangles);
  const Vec3 normal = normal_of(corners);
  const float size = trace::length(normal);
  if (!(size > 0) || size - size != 0) return fan(left, triangles);
  const trace::Frame frame = trace::frame_about(normal * (1 / size));
  std::vector<Vec2> flat;
  for (const Vec3 corner : corners) {
    const Vec3 p = corner - corners[0];
    flat.push_back({trace::dot(p, frame.x), trace::dot(p, frame.y)});
  }
  while (left.size() > 3) {
    std::size_t at = 0;
    while (at < left.size() && !is_ear(flat, left, at)) ++at;
    if (at == left.size()) break;
    const std::size_t n = left.size();
    triangles.push_back({left[(at + n - 1) % n], left[at], left[(at + 1) % n]});
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(at));
  }
  fan(left, triangles);
}

}  // namespace sovren::jobs
