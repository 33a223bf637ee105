// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sovren::kernels {

/// One discrete variable over the samples of a test: codes 0 .. levels-1.
struct CodedColumn {
  const std::uint8_t* codes = nullptr;
  int levels = 1;
};

/// The combination of the columns' values in each sample, numbered 0 .. count-1 in the order of the
/// values, the first column's first; only those that occur have a number.
struct Strata {
  std::vector<std::uint32_t> of_sample;
  std::size_t count = 0;
};
Strata strata_of(std::span<const CodedColumn> columns, std::size_t samples);

/// What the tables of a test add up to.
struct TableSum {
  double chi2 = 0;
  double g2 = 0;
  std::int64_t df = 0;
  std::uint64_t rows = 0;     ///< bit k: value k of x occurs
  std::uint64_t columns = 0;  ///< the same of y
};

/// Over the tables of x against y, one for each combination of the values of z, at most 64 values
/// each. In the order of the combinations, whichever way they are counted.
TableSum sum_of_tables(CodedColumn x, CodedColumn y, std::span<const CodedColumn> z,
                       std::size_t samples);

}  // namespace sovren::kernels
