// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/generate/shapes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "kernels/trace/math.h"

namespace sovren::jobs {

using trace::Affine;
using trace::Mesh;
using trace::Vec2;
using trace::Vec3;
using trace::Vec4;

namespace {

using trace::pi;

float tangent(float angle) {
  return sine(angle) / cosine(angle);
}

/// Joins a grid of points, rows of `width`, into triangles.
void join(Mesh& mesh, std::uint32_t first, std::uint32_t width, std::uint32_t height) {
  for (std::uint32_t row = 0; row + 1 < height; ++row)
    for (std::uint32_t column = 0; column + 1 < width; ++column) {
      const std::uint32_t a = first + row * width + column;
      mesh.triangles.push_back({a, a + 1, a + width + 1});
      mesh.triangles.push_back({a, a + width + 1, a + width});
    }
}

bool is_flat(const Mesh& mesh, const std::array<std::uint32_t, 3>& t) {
  const Vec3 a = mesh.positions[t[0]], b = mesh.positions[t[1]], c = mesh.positions[t[2]];
  return trace::length(trace::cross(b - a, c - a)) < 1e-12F;
}

void drop_flat_triangles(Mesh& mesh) {
  std::erase_if(mesh.triangles, [&](const auto& t) { return is_flat(mesh, t); });
}

Vec3 unit_or(Vec3 v, Vec3 otherwise) {
  const float size = trace::length(v);
  return size > 0 ? v * (1 / size) : otherwise;
}

/// One face of a rounded box: its points are those of a plain box, drawn in by the radius and then
/// moved out along the normal.
void add_face(Mesh& mesh, Vec3 size, float radius, int steps, Vec3 x, Vec3 y) {
  const Vec3 half = size * 0.5F, z = trace::cross(x, y);
  const Vec3 inner{half.x - radius, half.y - radius, half.z - radius};
  const auto first = static_cast<std::uint32_t>(mesh.positions.size());
  // Across an edge: `steps` sides over its 45 degrees on this face, then one long one.
  std::vector<float> angles;
  for (int i = 0; i <= steps; ++i)
    angles.push_back(pi / 4 * static_cast<float>(i - steps) / static_cast<float>(steps));
  for (int i = 0; i <= steps; ++i)
    angles.push_back(pi / 4 * static_cast<float>(i) / static_cast<float>(steps));
  const auto count = static_cast<std::uint32_t>(angles.size());
  for (std::uint32_t row = 0; row < count; ++row)
    for (std::uint32_t column = 0; column < count; ++column) {
      const float s = tangent(angles[column]), t = tangent(angles[row]);
      const float side_x = column < count / 2 ? -1.0F : 1.0F,
                  side_y = row < count / 2 ? -1.0F : 1.0F;
      const Vec3 corner = x * side_x + y * side_y + z;
      const Vec3 normal = trace::normalized(x * s + y * t + z);
      const Vec3 at = corner * inner + normal * radius;
      mesh.positions.push_back(at);
      mesh.normals.push_back(normal);
      mesh.uv[0].push_back({0.5F + trace::dot(at, x) / trace::dot(size, x * x),
                            0.5F - trace::dot(at, y) / trace::dot(size, y * y)});
    }
  join(mesh, first, count, count);
}

}  // namespace

Mesh quad(Vec3 a, Vec3 b, Vec3 c, Vec3 d) {
  Mesh mesh;
  const Vec3 normal = trace::normalized(trace::cross(b - a, c - a));
  mesh.positions = {a, b, c, d};
  mesh.normals.assign(4, normal);
  mesh.uv[0] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}};
  mesh.triangles = {{0, 1, 2}, {0, 2, 3}};
  return mesh;
}

Mesh ball(float radius, int segments) {
  std::vector<Vec2> profile;
  const int rings = segments / 2;
  for (int i = 0; i <= rings; ++i) {
    const float angle = pi * (static_cast<float>(i) / static_cast<float>(rings) - 0.5F);
    const bool is_pole = i == 0 || i == rings;
    profile.push_back({is_pole ? 0 : radius * cosine(angle), radius * sine(angle)});
  }
  Mesh mesh = lathe(profile, segments);
  for (std::size_t i = 0; i < mesh.positions.size(); ++i)
    mesh.normals[i] = trace::normalized(mesh.positions[i]);
  return mesh;
}

Mesh rounded_box(Vec3 size, float radius, int steps) {
  Mesh mesh;
  const Vec3 x{1, 0, 0}, y{0, 1, 0}, z{0, 0, 1};
  const std::array<std::array<Vec3, 2>, 6> faces{
      {{x, y}, {-x, y}, {-z, y}, {z, y}, {x, -z}, {x, z}}};
  if (radius <= 0) {
    for (const auto& [u, v] : faces) {
      const Vec3 half = size * 0.5F, w = trace::cross(u, v);
      append(mesh,
             quad((w - u - v) * half, (w + u - v) * half, (w + u + v) * half, (w - u + v) * half));
    }
    return mesh;
  }
  for (const auto& [u, v] : faces) add_face(mesh, size, radius, std::max(steps, 1), u, v);
  drop_flat_triangles(mesh);
  return mesh;
}

Mesh lathe(std::span<const Vec2> profile, int segments) {
  Mesh mesh;
  // Smooth runs of the profile: a point that stands twice is an edge.
  std::size_t begin = 0;
  while (begin + 1 < profile.size()) {
    std::size_t end = begin + 1;
    while (end < profile.size() && profile[end] != profile[end - 1]) ++end;
    const auto run = profile.subspan(begin, end - begin);
    const auto first = static_cast<std::uint32_t>(mesh.positions.size());
    for (std::size_t i = 0; i < run.size(); ++i) {
      const Vec2 along = run[std::min(i + 1, run.size() - 1)] - run[i == 0 ? 0 : i - 1];
      for (int s = 0; s <= segments; ++s) {
        const float share = static_cast<float>(s % segments) / static_cast<float>(segments);
        const float angle = 2 * pi * share;
        const Vec3 out{sine(angle), 0, cosine(angle)};
        mesh.positions.push_back({out.x * run[i].x, run[i].y, out.z * run[i].x});
        mesh.normals.push_back(
            unit_or({out.x * along.y, -along.x, out.z * along.y}, Vec3{0, 1, 0}));
        mesh.uv[0].push_back(
            {static_cast<float>(s) / static_cast<float>(segments),
             1 - static_cast<float>(begin + i) / static_cast<float>(profile.size() - 1)});
      }
    }
    join(mesh, first, static_cast<std::uint32_t>(segments + 1),
         static_cast<std::uint32_t>(run.size()));
    begin = end;
  }
  drop_flat_triangles(mesh);
  return mesh;
}

Mesh tube(std::span<const Vec3> points, std::span<const float> radii, int sides) {
  Mesh mesh;
  // The frame is carried along without turning about the tube.
  Vec3 x{};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Vec3 along = unit_or(
        points[std::min(i + 1, points.size() - 1)] - points[i == 0 ? 0 : i - 1], Vec3{0, 1, 0});
    x = i == 0 ? trace::frame_about(along).x : x - along * trace::dot(x, along);
    x = unit_or(x, trace::frame_about(along).x);
    const Vec3 y = trace::cross(along, x);
    for (int s = 0; s < sides; ++s) {
      const float angle = 2 * pi * static_cast<float>(s) / static_cast<float>(sides);
      const Vec3 out = x * cosine(angle) + y * sine(angle);
      mesh.positions.push_back(points[i] + out * radii[i]);
      mesh.normals.push_back(out);
    }
  }
  const auto n = static_cast<std::uint32_t>(sides);
  for (std::uint32_t ring = 0; ring + 1 < points.size(); ++ring)
    for (std::uint32_t s = 0; s < n; ++s) {
      const std::uint32_t a = ring * n + s, b = ring * n + (s + 1) % n;
      mesh.triangles.push_back({a, b, b + n});
      mesh.triangles.push_back({a, b + n, a + n});
    }
  return mesh;
}

Mesh sheet(int columns, int rows, const std::function<Vec3(float, float)>& at) {
  Mesh mesh;
  for (int row = 0; row <= rows; ++row)
    for (int column = 0; column <= columns; ++column) {
      const float u = static_cast<float>(column) / static_cast<float>(columns);
      const float v = static_cast<float>(row) / static_cast<float>(rows);
      mesh.positions.push_back(at(u, v));
      mesh.uv[0].push_back({u, v});
    }
  join(mesh, 0, static_cast<std::uint32_t>(columns + 1), static_cast<std::uint32_t>(rows + 1));
  make_smooth(mesh);
  return mesh;
}

void append(Mesh& to, const Mesh& more) {
  const auto first = static_cast<std::uint32_t>(to.positions.size());
  const auto add = [](auto& target, const auto& source) {
    target.insert(target.end(), source.begin(), source.end());
  };
  add(to.positions, more.positions);
  add(to.normals, more.normals);
  add(to.uv[0], more.uv[0]);
  add(to.colors, more.colors);
  for (const auto& t : more.triangles)
    to.triangles.push_back({t[0] + first, t[1] + first, t[2] + first});
}

void transform(Mesh& mesh, const Affine& to_from_mesh) {
  const Affine back = trace::inverse(to_from_mesh);
  for (Vec3& p : mesh.positions) p = trace::transform_point(to_from_mesh, p);
  for (Vec3& n : mesh.normals) n = trace::normalized(trace::transform_normal(back, n));
  if (trace::determinant(to_from_mesh) < 0)
    for (auto& t : mesh.triangles) std::swap(t[1], t[2]);
}

void make_smooth(Mesh& mesh) {
  mesh.normals.assign(mesh.positions.size(), Vec3{});
  for (const auto& t : mesh.triangles) {
    const Vec3 a = mesh.positions[t[0]], b = mesh.positions[t[1]], c = mesh.positions[t[2]];
    for (const std::uint32_t corner : t) mesh.normals[corner] += trace::cross(b - a, c - a);
  }
  for (Vec3& n : mesh.normals) n = unit_or(n, Vec3{0, 1, 0});
}

float sine(float angle) {
  float s = 0, c = 0;
  trace::sin_cos(angle, s, c);
  return s;
}

float cosine(float angle) {
  float s = 0, c = 0;
  trace::sin_cos(angle, s, c);
  return c;
}

Affine moved(Vec3 by) {
  Affine m;
  m.origin = by;
  return m;
}

Affine scaled(Vec3 by) {
  return {{{by.x, 0, 0}, {0, by.y, 0}, {0, 0, by.z}}, {}};
}

Affine turned(Vec3 axis, float degrees) {
  const float angle = degrees * pi / 180, c = cosine(angle), s = sine(angle);
  const auto column = [&](Vec3 e) {
    return e * c + trace::cross(axis, e) * s + axis * (trace::dot(axis, e) * (1 - c));
  };
  return {{column({1, 0, 0}), column({0, 1, 0}), column({0, 0, 1})}, {}};
}

Vec4 quaternion(Vec3 axis, float degrees) {
  const float half = degrees * pi / 360, s = sine(half);
  return {axis.x * s, axis.y * s, axis.z * s, cosine(half)};
}

Vec4 looking(Vec3 from, Vec3 at) {
  // First up or down about x, then about y.
  const Vec3 way = trace::normalized(at - from);
  const float degrees = 180 / pi;
  const float up = trace::arc_tan2(way.y, trace::root(way.x * way.x + way.z * way.z)) * degrees,
              around = trace::arc_tan2(-way.x, -way.z) * degrees;
  const Vec4 a = quaternion({0, 1, 0}, around), b = quaternion({1, 0, 0}, up);
  return {a.w * b.x + a.x * b.w, a.w * b.y + a.y * b.w, -a.y * b.x, a.w * b.w};
}

float chance(std::uint32_t what, std::uint32_t index) {
  // Two rounds of a multiplicative hash (Wang's constants are not needed for furniture).
  std::uint32_t h = what * 0x9E3779B1U ^ index * 0x85EBCA77U;
  for (int round = 0; round < 2; ++round) {
    h ^= h >> 15;
    h *= 0xC2B2AE3DU;
    h ^= h >> 13;
    h *= 0x27D4EB2FU;
  }
  return static_cast<float>((h ^ (h >> 16)) >> 8) * 0x1p-24F;
}

float noise(Vec3 p) {
  const Vec3 base{std::floor(p.x), std::floor(p.y), std::floor(p.z)};
  const Vec3 f = p - base;
  const auto ease = [](float t) { return t * t * t * (t * (t * 6 - 15) + 10); };
  float sum = 0;
  for (std::uint32_t corner = 0; corner < 8; ++corner) {
    const float dx = static_cast<float>(corner & 1U), dy = static_cast<float>(corner >> 1 & 1U),
                dz = static_cast<float>(corner >> 2);
    const auto cell = [](float a, float b) {
      return static_cast<std::uint32_t>(static_cast<std::int32_t>(a + b));
    };
    const std::uint32_t key =
        cell(base.x, dx) * 73856093U ^ cell(base.y, dy) * 19349663U ^ cell(base.z, dz) * 83492791U;
    const Vec3 slope{chance(1, key) * 2 - 1, chance(2, key) * 2 - 1, chance(3, key) * 2 - 1};
    const float weight = (dx > 0 ? ease(f.x) : 1 - ease(f.x)) *
                         (dy > 0 ? ease(f.y) : 1 - ease(f.y)) *
                         (dz > 0 ? ease(f.z) : 1 - ease(f.z));
    sum += weight * trace::dot(slope, f - Vec3{dx, dy, dz});
  }
  return sum * 1.2F;
}

}  // namespace sovren::jobs
