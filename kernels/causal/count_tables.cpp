// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/count_tables.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/check.h"

namespace sovren::kernels {
namespace {

constexpr std::size_t block = 1024;  ///< samples whose cells are found together

/// Adds one table, (x, y) row-major.
void add_table(const std::uint32_t* cells, std::size_t nx, std::size_t ny, TableSum& sum) {
  std::array<double, 64> row{};
  std::array<double, 64> column{};
  double all = 0;
  for (std::size_t i = 0; i < nx; ++i) {
    for (std::size_t j = 0; j < ny; ++j) {
      const auto n = static_cast<double>(cells[i * ny + j]);
      row[i] += n;
      column[j] += n;
    }
    all += row[i];
  }
  if (all == 0) return;
  int rows = 0;
  int columns = 0;
  for (std::size_t i = 0; i < nx; ++i)
    if (row[i] > 0) ++rows, sum.rows |= std::uint64_t{1} << i;
  for (std::size_t j = 0; j < ny; ++j)
    if (column[j] > 0) ++columns, sum.columns |= std::uint64_t{1} << j;
  if (rows < 2 || columns < 2) return;  // every count is as expected
  sum.df += std::int64_t{rows - 1} * (columns - 1);
  for (std::size_t i = 0; i < nx; ++i) {
    if (row[i] == 0) continue;
    const double share = row[i] / all;
    for (std::size_t j = 0; j < ny; ++j) {
      if (column[j] == 0) continue;
      const auto n = static_cast<double>(cells[i * ny + j]);
      const double expected = share * column[j];
      sum.chi2 += (n - expected) * (n - expected) / expected;
      if (n > 0) sum.g2 += 2 * n * std::log(n / expected);
    }
  }
}

/// All tables at once, as many as there are combinations of values.
TableSum sum_dense(CodedColumn x, CodedColumn y, std::span<const CodedColumn> z,
                   std::size_t samples, std::size_t tables) {
  const auto nx = static_cast<std::size_t>(x.levels);
  const auto ny = static_cast<std::size_t>(y.levels);
  std::vector<std::uint32_t> counts(tables * nx * ny);
  std::array<std::uint32_t, block> cell;
  for (std::size_t begin = 0; begin < samples; begin += block) {
    const std::size_t size = std::min(block, samples - begin);
    cell.fill(0);
    const auto append = [&](CodedColumn column) {
      const std::uint8_t* const codes = column.codes + begin;
      const auto levels = static_cast<std::uint32_t>(column.levels);
      for (std::size_t s = 0; s < size; ++s) cell[s] = cell[s] * levels + codes[s];
    };
    for (const CodedColumn column : z) append(column);
    append(x);
    append(y);
    for (std::size_t s = 0; s < size; ++s) ++counts[cell[s]];
  }
  TableSum sum;
  for (std::size_t k = 0; k < tables; ++k) add_table(counts.data() + k * nx * ny, nx, ny, sum);
  return sum;
}

/// One table after another, of the combinations that occur.
TableSum sum_sparse(CodedColumn x, CodedColumn y, std::span<const CodedColumn> z,
                    std::size_t samples) {
  const Strata strata = strata_of(z, samples);
  std::vector<std::size_t> end(strata.count + 1, 0);  // of a stratum's samples, once counted
  for (const std::uint32_t stratum : strata.of_sample) ++end[stratum + 1];
  std::partial_sum(end.begin(), end.end(), end.begin());
  std::vector<std::uint32_t> order(samples);
  for (std::size_t s = 0; s < samples; ++s)
    order[end[strata.of_sample[s]]++] = static_cast<std::uint32_t>(s);
  const auto nx = static_cast<std::size_t>(x.levels);
  const auto ny = static_cast<std::size_t>(y.levels);
  std::vector<std::uint32_t> counts(nx * ny);
  TableSum sum;
  std::size_t at = 0;
  for (std::size_t stratum = 0; stratum < strata.count; ++stratum) {
    std::ranges::fill(counts, 0U);
    for (; at < end[stratum]; ++at) ++counts[x.codes[order[at]] * ny + y.codes[order[at]]];
    add_table(counts.data(), nx, ny, sum);
  }
  return sum;
}

/// Numbers the different keys in their order. Returns how many there are.
std::uint64_t number(std::vector<std::uint64_t>& keys) {
  std::vector<std::uint64_t> different = keys;
  std::ranges::sort(different);
  different.erase(std::ranges::unique(different).begin(), different.end());
  for (std::uint64_t& key : keys)
    key = static_cast<std::uint64_t>(std::ranges::lower_bound(different, key) - different.begin());
  return different.size();
}

}  // namespace

Strata strata_of(std::span<const CodedColumn> columns, std::size_t samples) {
  std::vector<std::uint64_t> keys(samples, 0);
  std::uint64_t bound = 1;  // keys are smaller
  for (const CodedColumn column : columns) {
    const auto levels = static_cast<std::uint64_t>(column.levels);
    if (bound > std::numeric_limits<std::uint64_t>::max() / levels) bound = number(keys);
    bound *= levels;
    for (std::size_t s = 0; s < samples; ++s) keys[s] = keys[s] * levels + column.codes[s];
  }
  Strata strata{.of_sample = {}, .count = number(keys)};
  strata.of_sample.assign(keys.begin(), keys.end());
  return strata;
}

TableSum sum_of_tables(CodedColumn x, CodedColumn y, std::span<const CodedColumn> z,
                       std::size_t samples) {
  SOVREN_CHECK(x.levels <= 64 && y.levels <= 64, "margins are bits of one word");
  const std::size_t cells = static_cast<std::size_t>(x.levels) * static_cast<std::size_t>(y.levels);
  const std::size_t most = 4 * samples + 4096;  // then clearing costs no more than counting
  std::size_t tables = 1;
  for (const CodedColumn column : z) {
    tables *= static_cast<std::size_t>(column.levels);
    if (tables * cells > most) return sum_sparse(x, y, z, samples);
  }
  return sum_dense(x, y, z, samples, tables);
}

}  // namespace sovren::kernels
