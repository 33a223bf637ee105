// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/trace/compiled_scene.h"

namespace sovren::bench {

/// One mesh, a camera in it, and a square light of half width 1 that shadow rays go to.
struct BenchScene {
  std::string name;
  std::shared_ptr<trace::CompiledScene> scene;
  trace::Vec3 eye, target, light;
};

/// Grows a mesh out of surfaces (u, v) -> point.
class MeshGrower {
 public:
  using Vec3 = trace::Vec3;

  /// 2 cells_u cells_v triangles of at(u, v), u and v in [0, 1].
  template <class At>
  void surface(int cells_u, int cells_v, const At& at) {
    const auto first = static_cast<std::uint32_t>(scene_->positions.size());
    const auto row = static_cast<std::uint32_t>(cells_u + 1);
    for (int j = 0; j <= cells_v; ++j)
      for (int i = 0; i <= cells_u; ++i)
        scene_->positions.push_back(at(static_cast<float>(i) / static_cast<float>(cells_u),
                                       static_cast<float>(j) / static_cast<float>(cells_v)));
    for (std::uint32_t j = 0; j < static_cast<std::uint32_t>(cells_v); ++j) {
      for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(cells_u); ++i) {
        const std::uint32_t a = first + j * row + i;
        scene_->triangles.push_back({{a, a + 1, a + row + 1}});
        scene_->triangles.push_back({{a, a + row + 1, a + row}});
      }
    }
  }
  /// A flat piece of two triangles, or of cells^2 pairs.
  void quad(Vec3 corner, Vec3 along, Vec3 up, int cells = 1) {
    surface(cells, cells, [&](float u, float v) { return corner + along * u + up * v; });
  }
  void box(Vec3 low, Vec3 high) {
    const Vec3 d = high - low, x{d.x, 0, 0}, y{0, d.y, 0}, z{0, 0, d.z};
    quad(low, x, y), quad(low + z, x, y);
    quad(low, x, z), quad(low + y, x, z);
    quad(low, y, z), quad(low + x, y, z);
  }
  /// 4 cells^2 triangles; radius(direction).
  template <class Radius>
  void ball(Vec3 middle, int cells, const Radius& radius) {
    surface(2 * cells, cells, [&](float u, float v) {
      const float a = 6.2831853F * u, b = 3.1415927F * v;
      const Vec3 d{std::sin(b) * std::cos(a), std::cos(b), std::sin(b) * std::sin(a)};
      return middle + d * radius(d);
    });
  }
  /// A round wall about a vertical line; radius(height, angle).
  template <class Radius>
  void column(Vec3 foot, float height, int cells_around, int cells_up, const Radius& radius) {
    surface(cells_around, cells_up, [&](float u, float v) {
      const float a = 6.2831853F * u, r = radius(v, a);
      return foot + Vec3{r * std::cos(a), height * v, r * std::sin(a)};
    });
  }

  std::shared_ptr<trace::CompiledScene> made() {
    trace::MeshView mesh;
    mesh.vertex_count = static_cast<std::uint32_t>(scene_->positions.size());
    mesh.triangle_count = static_cast<std::uint32_t>(scene_->triangles.size());
    scene_->meshes.push_back(mesh);
    scene_->instances.emplace_back();
    return scene_;
  }

 private:
  std::shared_ptr<trace::CompiledScene> scene_ = std::make_shared<trace::CompiledScene>();
};

inline float bumps(trace::Vec3 p) {
  return std::sin(7 * p.x) * std::sin(9 * p.y) * std::sin(8 * p.z) +
         0.3F * std::sin(31 * p.x + 5 * p.y) * std::sin(29 * p.z);
}

/// A room of five walls with two boxes and a lamp: 36 triangles.
inline BenchScene box_room() {
  MeshGrower mesh;
  mesh.quad({0, 0, 0}, {2, 0, 0}, {0, 0, 2});
  mesh.quad({0, 2, 0}, {2, 0, 0}, {0, 0, 2});
  mesh.quad({0, 0, 0}, {2, 0, 0}, {0, 2, 0});
  mesh.quad({0, 0, 0}, {0, 2, 0}, {0, 0, 2});
  mesh.quad({2, 0, 0}, {0, 2, 0}, {0, 0, 2});
  mesh.quad({0.7F, 1.99F, 0.7F}, {0.6F, 0, 0}, {0, 0, 0.6F});
  mesh.box({0.3F, 0, 0.3F}, {0.9F, 1.2F, 0.9F});
  mesh.box({1.1F, 0, 1}, {1.7F, 0.6F, 1.6F});
  return {"box", mesh.made(), {1.013F, 1.021F, 4.5F}, {1, 1, 0}, {1, 1.9F, 1}};
}

/// A rough ball on a floor: about 70,000.
inline BenchScene rough_ball() {
  MeshGrower mesh;
  mesh.ball({0, 0, 0}, 132, [](trace::Vec3 d) { return 1 + 0.08F * bumps(d); });
  mesh.quad({-6, -1.1F, -6}, {12, 0, 0}, {0, 0, 12});
  return {"ball", mesh.made(), {0, 0.5F, 2.6F}, {0, 0, 0}, {0, 4, 1}};
}

/// A hall of two storeys of fluted columns, with curtains, a vault and busts: about 250,000, from
/// walls of 30 m to chips of 1 cm.
inline BenchScene hall() {
  MeshGrower mesh;
  mesh.quad({-15, 0, -7}, {30, 0, 0}, {0, 0, 14});
  mesh.quad({-15, 0, -7}, {30, 0, 0}, {0, 12, 0});
  mesh.quad({-15, 0, 7}, {30, 0, 0}, {0, 12, 0});
  mesh.quad({-15, 0, -7}, {0, 0, 14}, {0, 12, 0});
  mesh.quad({15, 0, -7}, {0, 0, 14}, {0, 12, 0});
  mesh.surface(60, 40, [](float u, float v) {
    return trace::Vec3{-15 + 30 * u, 9 + 3 * std::sin(3.1415927F * v) + 0.1F * std::sin(60 * u),
                       -7 + 14 * v};
  });
  for (int side = -1; side <= 1; side += 2) {
    const float z = 4.0F * static_cast<float>(side);
    mesh.box({-15, 4.6F, z - 0.5F}, {15, 5, z + 0.5F});
    mesh.box({-15, 9, z - 0.4F}, {15, 9.3F, z + 0.4F});
    for (int i = 0; i < 14; ++i) {
      const float x = -13 + 2 * static_cast<float>(i);
      for (int storey = 0; storey < 2; ++storey) {
        const trace::Vec3 foot{x, 5.0F * static_cast<float>(storey), z};
        mesh.column(foot, storey == 0 ? 4.6F : 4, 48, 20, [](float v, float a) {
          return 0.3F + 0.02F * std::sin(16 * a) - 0.06F * v + (v < 0.06F ? 0.1F : 0);
        });
        mesh.box({x - 0.45F, foot.y, z - 0.45F}, {x + 0.45F, foot.y + 0.2F, z + 0.45F});
      }
      mesh.ball({x + 1, 1.5F, z}, 24, [](trace::Vec3 d) { return 0.3F + 0.03F * bumps(d); });
      mesh.surface(24, 36, [&](float u, float v) {  // a curtain between two upper columns
        return trace::Vec3{x + 0.35F + 1.3F * u, 9 - 3.5F * v,
                           z + 0.12F * std::sin(25 * u + static_cast<float>(i)) * (0.4F + v)};
      });
    }
  }
  return {"hall", mesh.made(), {-13, 2, 0.5F}, {5, 4, -1}, {0, 8, 0}};
}

/// Hills of about 3 million, and 64 balls on them.
inline BenchScene terrain() {
  MeshGrower mesh;
  const auto height = [](float x, float z) {
    return 3 * std::sin(0.21F * x) * std::cos(0.17F * z) + 0.6F * std::sin(1.1F * x + 0.7F * z) +
           0.08F * std::sin(7 * x) * std::sin(6 * z) + 0.01F * std::sin(61 * x + 37 * z);
  };
  mesh.surface(1180, 1180, [&](float u, float v) {
    const float x = 100 * u - 50, z = 100 * v - 50;
    return trace::Vec3{x, height(x, z), z};
  });
  for (int i = 0; i < 64; ++i) {
    const float x = -35 + 10.0F * static_cast<float>(i % 8),
                z = -35 + 10.0F * static_cast<float>(i / 8);
    mesh.ball({x, height(x, z) + 1, z}, 32, [](trace::Vec3 d) { return 1 + 0.1F * bumps(d); });
  }
  return {"terrain", mesh.made(), {-45, 12, -45}, {0, 0, 0}, {0, 30, 0}};
}

}  // namespace sovren::bench
