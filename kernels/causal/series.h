// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/result.h"

namespace sovren::kernels {

/// A table of measurements.   values: (steps, variables), row-major.   valid: same shape, 0 where
/// the value is missing; empty: nothing is. A value that is missing is never read.
struct Series {
  std::span<const double> values;
  int steps = 0;
  int variables = 0;
  std::span<const std::uint8_t> valid;

  bool is_valid(std::size_t index) const { return valid.empty() || valid[index] != 0; }
};

/// Errors: data_invalid when steps < 2 max_lag + 4, or a value that is not missing is not finite.
Result<void> check_series(const Series& series, int max_lag);

}  // namespace sovren::kernels
