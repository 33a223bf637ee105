// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/trace/compiled_scene.h"

namespace sovren::trace {

/// Uniform numbers one after another, the same for the same seed.
class Numbers {
 public:
  explicit Numbers(std::uint64_t seed) : philox_(seed, 77) {}
  float between(float low, float high) {
    return low + (high - low) * static_cast<float>(philox_.uniform(next_++));
  }
  Vec3 in_box(float half) {
    const float x = between(-half, half), y = between(-half, half);
    return {x, y, between(-half, half)};
  }
  /// Even over the sphere.
  Vec3 direction() {
    for (;;) {
      const Vec3 v = in_box(1);
      const float l = length(v);
      if (l > 0.1F && l < 1) return v / l;
    }
  }
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(philox_.below(next_++, bound));
  }

 private:
  Philox philox_;
  std::uint64_t next_ = 0;
};

struct Shape {
  std::vector<Vec3> positions;
  std::vector<Triangle> triangles;
};

/// Triangles that have nothing to do with one another, in the box of half width 1.
inline Shape soup(std::uint64_t seed, std::uint32_t count, float size) {
  Numbers numbers(seed);
  Shape shape;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Vec3 middle = numbers.in_box(1);
    for (int corner = 0; corner < 3; ++corner)
      shape.positions.push_back(middle + numbers.in_box(size));
    shape.triangles.push_back({{3 * i, 3 * i + 1, 3 * i + 2}});
  }
  return shape;
}

/// The cube of half width 1, closed: 12 cells^2 triangles that share their corners.
inline Shape cube(std::uint32_t cells) {
  const std::uint32_t n = cells + 1;
  Shape shape;
  std::vector<std::uint32_t> number(std::size_t{n} * n * n, 0xFFFFFFFF);
  const auto corner = [&](std::array<std::uint32_t, 3> at) {
    std::uint32_t& index = number[(at[0] * n + at[1]) * n + at[2]];
    if (index == 0xFFFFFFFF) {
      index = static_cast<std::uint32_t>(shape.positions.size());
      const auto along = [&](std::size_t axis) {
        return 2 * static_cast<float>(at[axis]) / static_cast<float>(cells) - 1;
      };
      shape.positions.push_back({along(0), along(1), along(2)});
    }
    return index;
  };
  for (std::uint32_t face = 0; face < 6 * cells * cells; ++face) {
    const std::size_t axis = face % 3;
    const bool is_high = face / 3 % 2 == 1;
    const std::uint32_t i = face / 6 % cells, j = face / 6 / cells;
    const auto at = [&](std::uint32_t di, std::uint32_t dj) {
      std::array<std::uint32_t, 3> place{};
      place[axis] = is_high ? cells : 0;
      place[(axis + 1) % 3] = i + (is_high ? di : dj);  // counter-clockwise from outside
      place[(axis + 2) % 3] = j + (is_high ? dj : di);
      return corner(place);
    };
    shape.triangles.push_back({{at(0, 0), at(1, 0), at(1, 1)}});
    shape.triangles.push_back({{at(0, 0), at(1, 1), at(0, 1)}});
  }
  return shape;
}

/// The cube blown up to a ball of radius 1, uneven by `rough`.
inline Shape ball(std::uint32_t cells, float rough) {
  Shape shape = cube(cells);
  Numbers numbers(cells);
  for (Vec3& p : shape.positions) p = normalized(p) * (1 + numbers.between(-rough, rough));
  return shape;
}

inline Affine scaling(float x, float y, float z) {
  return {{{x, 0, 0}, {0, y, 0}, {0, 0, z}}, {}};
}
inline Affine moved(Vec3 by, Affine transform = {}) {
  transform.origin += by;
  return transform;
}

/// Makes what tracers read, by hand: shapes and where they stand, nothing else.
class SceneMaker {
 public:
  SceneMaker() : scene_(std::make_shared<CompiledScene>()) {}

  /// end: where the corners are when the shutter closes; empty: the same.
  int mesh(const Shape& shape, const std::vector<Vec3>& end = {}) {
    MeshView mesh;
    mesh.first_vertex = append(scene_->positions, shape.positions);
    mesh.first_triangle = append(scene_->triangles, shape.triangles);
    if (!end.empty()) mesh.first_position_end = append(scene_->positions_end, end);
    mesh.vertex_count = static_cast<std::uint32_t>(shape.positions.size());
    mesh.triangle_count = static_cast<std::uint32_t>(shape.triangles.size());
    scene_->meshes.push_back(mesh);
    return static_cast<int>(scene_->meshes.size()) - 1;
  }
  void instance(int mesh, const Affine& begin, const Affine& end) {
    InstanceView instance;
    instance.world_from_object = begin;
    instance.world_from_object_end = end;
    instance.object_from_world = inverse(begin);
    instance.mesh = mesh;
    instance.object_id = static_cast<int>(scene_->instances.size()) + 1;
    instance.is_moving = !(begin == end);
    instance.is_mirrored = determinant(begin) < 0;
    scene_->instances.push_back(instance);
  }
  void instance(int mesh, const Affine& at = {}) { instance(mesh, at, at); }
  std::shared_ptr<const CompiledScene> made() { return scene_; }

 private:
  template <class T>
  static std::int64_t append(std::vector<T>& to, const std::vector<T>& from) {
    const auto first = static_cast<std::int64_t>(to.size());
    to.insert(to.end(), from.begin(), from.end());
    return first;
  }
  std::shared_ptr<CompiledScene> scene_;
};

}  // namespace sovren::trace
