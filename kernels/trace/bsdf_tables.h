// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/trace/material.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Owner of the tables that materials need (albedo.h has their form and reads them). Made by plain
/// sums in a fixed order: the same bits every time.
struct BsdfTableData {
  std::vector<float> metal, metal_mean;
  std::vector<float> dielectric;
  std::vector<std::int32_t> dielectric_of_material;
  std::int32_t coat = -1;  ///< the block for clearcoat
  std::vector<float> sheen;

  /// Points into this object.
  BsdfTables view() const;
  std::int64_t size_bytes() const;
};

/// What these materials need: nothing for Lambert's; about 10 ms for any other, and 10 ms more for
/// each refractive index. Of more than 64 indices the others take the nearest one's.
BsdfTableData make_bsdf_tables(std::span<const Material> materials);

}  // namespace sovren::trace
