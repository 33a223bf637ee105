// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "kernels/trace/bsdf.h"
#include "kernels/trace/bsdf_tables.h"
#include "kernels/trace/subsurface.h"

namespace sovren::trace {

/// z is the cosine.
inline Vec3 direction_of(double z, double phi) {
  const double s = std::sqrt(std::max(0.0, 1 - z * z));
  return {static_cast<float>(s * std::cos(phi)), static_cast<float>(s * std::sin(phi)),
          static_cast<float>(z)};
}

/// Numbers in [0, 1) for sample().
struct Draws {
  explicit Draws(std::uint64_t seed) : source(seed) {}
  struct Three {
    float lobe;
    Vec2 u;
  };
  Three next() {
    const Philox::Block b = source.block(count++);
    return {unit(b[0]), {unit(b[1]), unit(b[2])}};
  }
  static float unit(std::uint32_t word) { return static_cast<float>(word >> 8) * 0x1p-24F; }
  Philox source;
  std::uint64_t count = 0;
};

struct NamedMaterial {
  std::string name;
  Material material;
};

/// Every closure alone and mixed.
inline std::vector<NamedMaterial> materials_of_roughness(float roughness) {
  Material lambert{.base_color = {0.8F, 0.5F, 0.2F}, .roughness = roughness, .specular = 0};
  Material metal{.base_color = {0.9F, 0.6F, 0.3F}, .metallic = 1, .roughness = roughness};
  Material plastic{.base_color = {0.7F, 0.2F, 0.1F}, .roughness = roughness};
  Material mixed = plastic;
  mixed.metallic = 0.4F;
  mixed.transmission = 0.3F;
  mixed.specular_color = {1, 0.5F, 0.7F};
  Material glass{.roughness = roughness, .ior = 1.5F, .transmission = 1, .is_solid = true};
  Material diamond = glass;
  diamond.ior = 2.4F;
  Material tinted = glass;
  tinted.base_color = {0.5F, 0.9F, 0.7F};
  tinted.ior = 1.33F;
  tinted.transmission = 0.6F;
  tinted.specular = 0.7F;
  Material sheet = glass;
  sheet.is_solid = false;
  Material skin = plastic;
  skin.subsurface = 0.6F;
  Material lacquer = plastic;
  lacquer.metallic = 0.5F;
  lacquer.clearcoat = 0.8F;
  lacquer.clearcoat_roughness = roughness * 0.7F;
  Material velvet = plastic;
  velvet.sheen_color = {0.6F, 0.8F, 1};
  velvet.sheen_roughness = roughness;
  Material worn = velvet;
  worn.clearcoat = 0.3F;
  worn.clearcoat_roughness = 0.4F;
  worn.subsurface = 0.3F;
  return {{"lacquer", lacquer}, {"velvet", velvet},   {"worn", worn},   {"lambert", lambert},
          {"metal", metal},     {"plastic", plastic}, {"mixed", mixed}, {"glass", glass},
          {"diamond", diamond}, {"tinted", tinted},   {"sheet", sheet}, {"skin", skin}};
}

inline constexpr float roughness_grid[] = {0, 0.1F, 0.3F, 0.5F, 0.75F, 1};
inline constexpr double cosine_grid[] = {1, 0.9, 0.6, 0.3, 0.05, -0.05, -0.4, -0.8, -1};

/// Tables of materials_of_roughness(): the same for any roughness and colour.
inline const BsdfTableData& shared_tables() {
  static const BsdfTableData tables = [] {
    std::vector<Material> materials;
    for (const auto& [name, material] : materials_of_roughness(0.5F)) materials.push_back(material);
    return make_bsdf_tables(materials);
  }();
  return tables;
}

/// A point of one material on the plane z = 0, whose front is up.
struct OneMaterial {
  Material material;
  BsdfTables tables;
  RenderSettings settings;
  Surface surface;

  /// number: of materials_of_roughness(), one of which it is (but for roughness and colour).
  OneMaterial(const Material& m, std::size_t number) : material(m), tables(shared_tables().view()) {
    tables.dielectric_of_material += number;
    surface.geometric_normal = {0, 0, 1};
    surface.frame = frame_about({0, 0, 1});
  }
  SceneView view() const {
    SceneView view;
    view.materials = &material;
    view.material_count = 1;
    view.tables = tables;
    return view;
  }
  Bsdf at(Vec3 wo) {
    surface.is_front = wo.z >= 0;
    return bsdf_at(view(), settings, surface, wo);
  }
};

/// visit(name, one) for every material and roughness of the grid.
template <class Visit>
void over_materials(std::span<const float> roughness, const Visit& visit) {
  for (const float r : roughness) {
    std::size_t number = 0;
    for (const auto& [name, material] : materials_of_roughness(r)) {
      OneMaterial one(material, number++);
      visit(name + " " + std::to_string(r), one);
    }
  }
}

}  // namespace sovren::trace
