// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/environment_table.h"

#include <algorithm>
#include <cstddef>

#include "kernels/trace/film.h"
#include "kernels/trace/light_tables.h"
#include "kernels/trace/math.h"
#include "kernels/trace/texture.h"

namespace sovren::trace {
namespace {

/// Mean luminance of a cell. The look-up is straight over half a texel: with two points for each
/// texel along each axis the mean is exact.
double mean_of_cell(const TextureView& texture, Vec3 tint, const EnvironmentTable& table,
                    int column, int row) {
  const int across = 2 * ((texture.width + table.columns - 1) / table.columns);
  const int down = 2 * ((texture.height + table.rows - 1) / table.rows);
  double sum = 0;
  for (int y = 0; y < down; ++y) {
    for (int x = 0; x < across; ++x) {
      const Vec2 place{
          (static_cast<float>(column) +
           (static_cast<float>(x) + 0.5F) / static_cast<float>(across)) /
              static_cast<float>(table.columns),
          (static_cast<float>(row) + (static_cast<float>(y) + 0.5F) / static_cast<float>(down)) /
              static_cast<float>(table.rows)};
      const Vec4 t = bilinear(texture, 0, place, Texture::Wrap::repeat, Texture::Wrap::clamp);
      const float value = luminance(tint * Vec3{t.x, t.y, t.z});
      if (is_finite(value)) sum += static_cast<double>(maximum(value, 0));
    }
  }
  return sum / (across * down);
}

/// Of a cell in a row: its share of the sphere, in steradians.
double solid_angle(int row, const EnvironmentTable& table) {
  const float step = pi / static_cast<float>(table.rows);
  float sine = 0;
  float top = 0;
  float bottom = 0;
  sin_cos(static_cast<float>(row) * step, sine, top);
  sin_cos(static_cast<float>(row + 1) * step, sine, bottom);
  return 2 * static_cast<double>(pi) / table.columns *
         (static_cast<double>(top) - static_cast<double>(bottom));
}

}  // namespace

EnvironmentTable environment_table(const TextureView& texture, Vec3 tint) {
  EnvironmentTable table;
  table.columns = std::min(texture.width, environment_columns_max);
  table.rows = std::min(texture.height, environment_rows_max);
  const auto columns = static_cast<std::size_t>(table.columns);
  std::vector<double> rows, row(columns);
  std::vector<AliasEntry> cells;
  for (int y = 0; y < table.rows; ++y) {
    const double angle = solid_angle(y, table);
    double sum = 0;
    for (int x = 0; x < table.columns; ++x) {
      row[static_cast<std::size_t>(x)] = angle * mean_of_cell(texture, tint, table, x, y);
      sum += row[static_cast<std::size_t>(x)];
    }
    std::vector<AliasEntry> entries = alias_table(row);
    entries.resize(columns);  // of a black row: never chosen
    for (AliasEntry& entry : entries)
      entry.chance = static_cast<float>(static_cast<double>(entry.chance) * sum / angle);
    cells.insert(cells.end(), entries.begin(), entries.end());
    rows.push_back(sum);
    table.irradiance += sum;
  }
  if (!(table.irradiance > 0)) return table;
  for (AliasEntry& entry : cells)
    entry.chance = static_cast<float>(static_cast<double>(entry.chance) / table.irradiance);
  table.cells = alias_table(rows);
  table.cells.insert(table.cells.end(), cells.begin(), cells.end());
  return table;
}

}  // namespace sovren::trace
