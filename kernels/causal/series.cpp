// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/series.h"

#include <cmath>
#include <string>

#include "core/base/check.h"

namespace sovren::kernels {

Result<void> check_series(const Series& series, int max_lag) {
  SOVREN_CHECK(max_lag >= 0 && series.variables > 0, "there are variables and lags");
  SOVREN_CHECK(std::ssize(series.values) == std::ptrdiff_t{series.steps} * series.variables,
               "values are (steps, variables)");
  SOVREN_CHECK(series.valid.empty() || series.valid.size() == series.values.size(),
               "valid has the shape of values");
  if (series.steps < 2 * max_lag + 4)
    return fail({.code = Code::data_invalid,
                 .what = std::to_string(series.steps) +
                         " time steps are too few for max_lag = " + std::to_string(max_lag) +
                         ": at least 2 max_lag + 4 = " + std::to_string(2 * max_lag + 4) +
                         " are needed",
                 .hint = "lower max_lag, or give a longer series"});
  for (std::size_t index = 0; index < series.values.size(); ++index)
    if (series.is_valid(index) && !std::isfinite(series.values[index]))
      return fail({.code = Code::data_invalid,
                   .what = "time step " +
                           std::to_string(index / static_cast<std::size_t>(series.variables)) +
                           ", variable " +
                           std::to_string(index % static_cast<std::size_t>(series.variables)) +
                           " is not a finite number",
                   .hint = "name the value that means missing: missing = nan"});
  return {};
}

}  // namespace sovren::kernels
