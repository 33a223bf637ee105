// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/trace/vec.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

// Tables of how much light rough surfaces send back in all (bsdf_tables.h fills them), and how to
// look them up. Rows go by roughness (the square root of GGX's alpha) from 0 to 1, columns by the
// angle. Those of GGX are there for both models of Smith: first the correlated one.

inline constexpr int metal_size = 32;       ///< rows and columns of BsdfTables::metal
inline constexpr int dielectric_size = 16;  ///< of each part of a dielectric's block
inline constexpr int sheen_size = 32;
inline constexpr float least_alpha = 1e-4F;  ///< what row 0 stands for

/// A dielectric's block, for one model of Smith: the share by which Fresnel's reflection has risen
/// from normal (0) to grazing (1), and its mean over all directions; then, for light from outside
/// and from inside, three tables of what a single bounce on a clear surface loses; and what it
/// sends back to inside.
struct DielectricBlock {
  static constexpr int table = dielectric_size * dielectric_size;
  static constexpr int rise = 0;
  static constexpr int rise_mean = table;
  static constexpr int losses = rise_mean + dielectric_size;
  static constexpr int sent_inside = losses + 6 * table;
  static constexpr int size = sent_inside + table;
};

/// A place between four entries of a table.
struct TablePlace {
  int first = 0, below = 0;  ///< entries of the two rows
  float right = 0, down = 0;
};

/// row, column: in [0, 1].
SOVREN_TRACE TablePlace table_place(int size, float row, float column) {
  const float y = row * static_cast<float>(size - 1);
  const float x = column * static_cast<float>(size - 1);
  int iy = static_cast<int>(y);
  int ix = static_cast<int>(x);
  if (iy > size - 2) iy = size - 2;
  if (ix > size - 2) ix = size - 2;
  const int first = iy * size + ix;
  return {first, first + size, x - static_cast<float>(ix), y - static_cast<float>(iy)};
}
SOVREN_TRACE float entry(const float* table, const TablePlace& p) {
  return mix(mix(table[p.first], table[p.first + 1], p.right),
             mix(table[p.below], table[p.below + 1], p.right), p.down);
}
SOVREN_TRACE float row_entry(const float* row, int size, float place) {
  const float y = place * static_cast<float>(size - 1);
  int iy = static_cast<int>(y);
  if (iy > size - 2) iy = size - 2;
  return mix(row[iy], row[iy + 1], y - static_cast<float>(iy));
}

/// Column of a cosine for what changes where it is near alpha: shadowing.
SOVREN_TRACE float shadow_column(float alpha, float cosine) {
  const float a = maximum(alpha, least_alpha);
  return clamped(cosine * (1 + a) / (cosine + a), 0, 1);
}
SOVREN_TRACE float cosine_of_shadow_column(float alpha, float column) {
  const float a = maximum(alpha, least_alpha);
  return a * column / (1 + a - column);
}

/// Share of light that microfacets of a perfect mirror send back in one bounce.
SOVREN_TRACE float metal_albedo(const SceneView& view, bool is_correlated, float roughness,
                                float cosine) {
  const float* table = view.tables.metal + (is_correlated ? 0 : metal_size * metal_size);
  return entry(table,
               table_place(metal_size, roughness, shadow_column(roughness * roughness, cosine)));
}
/// The same of light from everywhere.
SOVREN_TRACE float metal_mean(const SceneView& view, bool is_correlated, float roughness) {
  const float* row = view.tables.metal_mean + (is_correlated ? 0 : metal_size);
  return row_entry(row, metal_size, roughness);
}

/// `number`: of view.tables.dielectric_of_material.
SOVREN_TRACE const float* dielectric_block(const SceneView& view, int number, bool is_correlated) {
  return view.tables.dielectric + (2 * number + (is_correlated ? 0 : 1)) * DielectricBlock::size;
}
/// How far the reflection has risen from normal to grazing, on the mean of what is sent back.
SOVREN_TRACE float mean_rise(const float* block, float roughness, float cosine) {
  return entry(block + DielectricBlock::rise,
               table_place(dielectric_size, roughness, root(cosine)));
}
/// Share of light from inside that is sent back to inside.
SOVREN_TRACE float sent_inside(const float* block, float roughness, float cosine) {
  return entry(
      block + DielectricBlock::sent_inside,
      table_place(dielectric_size, roughness, shadow_column(roughness * roughness, cosine)));
}
/// Of light that a clear surface should have passed or sent back, what one bounce loses. low, high:
/// reflection at normal incidence and at grazing.
SOVREN_TRACE float clear_loss(const float* block, bool is_inside, float roughness, float cosine,
                              float low, float high) {
  const float* tables =
      block + DielectricBlock::losses + (is_inside ? 3 : 0) * DielectricBlock::table;
  const TablePlace place =
      table_place(dielectric_size, roughness, shadow_column(roughness * roughness, cosine));
  return entry(tables, place) + low * entry(tables + DielectricBlock::table, place) +
         (high - low) * entry(tables + 2 * DielectricBlock::table, place);
}

}  // namespace sovren::trace
