// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/search.h"

#include <numeric>

#include "core/base/check.h"

namespace sovren::kernels {

LinkTable::LinkTable(int variables_, int min_lag_, int max_lag_)
    : variables(variables_), min_lag(min_lag_), max_lag(max_lag_) {
  const std::size_t size = index(variables - 1, variables - 1, max_lag) + 1;
  value.assign(size, 0.0);
  p_value.assign(size, 1.0);
  q_value.assign(size, 1.0);
  mark.assign(size, Mark::none);
}

void Search::run_batch(std::span<const int> units, std::span<UnitResult> out) const {
  SOVREN_CHECK(units.size() == out.size(), "one result for each unit");
  for (std::size_t k = 0; k < units.size(); ++k) out[k] = run(units[k]);
}

const LinkTable& run_search(Search& search) {
  std::vector<int> units;
  std::vector<UnitResult> results;
  while (!search.is_done()) {
    units.resize(static_cast<std::size_t>(search.units()));
    std::iota(units.begin(), units.end(), 0);
    results.assign(units.size(), UnitResult{});
    search.run_batch(units, results);
    search.close(results);
  }
  return search.links();
}

}  // namespace sovren::kernels
