// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/trace/view.h"

namespace sovren::trace {

/// Most cells along a row of the table, and rows.
inline constexpr int environment_columns_max = 2048, environment_rows_max = 1024;

struct EnvironmentTable {
  std::vector<AliasEntry> cells;  ///< as EnvironmentView::cells; empty: it is black everywhere
  int columns = 0, rows = 0;
  double irradiance = 0;  ///< luminance x solid angle, of all directions
};

/// The table to choose directions of an image by. A cell weighs what bilinear look-ups find in it,
/// so that none that may shine is left out; what is not finite, or negative, weighs nothing.
EnvironmentTable environment_table(const TextureView& texture, Vec3 tint);

}  // namespace sovren::trace
