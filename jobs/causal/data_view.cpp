// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/data_view.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace sovren::jobs {

DataView::DataView(const Inputs& inputs, CausalSpec::MaskType type) {
  const Table& table = inputs.table;
  if (table.has_missing)
    for (const double value : table.values) valid.push_back(std::isnan(value) ? 0 : 1);
  series = {table.values, table.rows, table.columns, valid};
  if (!inputs.mask) return;
  for (const double value : inputs.mask->values) masked.push_back(value != 0 ? 1 : 0);
  const auto is_one_of = [&](std::initializer_list<CausalSpec::MaskType> types) {
    return std::ranges::find(types, type) != types.end();
  };
  using enum CausalSpec::MaskType;
  mask = {masked, is_one_of({x, xy, xz, xyz}), is_one_of({y, xy, yz, xyz}),
          is_one_of({z, xz, yz, xyz})};
}

}  // namespace sovren::jobs
