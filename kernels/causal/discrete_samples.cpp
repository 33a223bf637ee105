// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/discrete_samples.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "core/base/check.h"
#include "kernels/causal/chi_square.h"
#include "kernels/causal/count_tables.h"

namespace sovren::kernels {
namespace {

/// The different values of a variable, rising; nothing when there are too many.
std::vector<double> levels_of(const Series& series, std::size_t variable) {
  const auto n = static_cast<std::size_t>(series.variables);
  std::vector<double> levels;
  for (std::size_t index = variable; index < series.values.size(); index += n) {
    if (!series.is_valid(index)) continue;
    const double value = series.values[index];
    const auto place = std::ranges::lower_bound(levels, value);
    if (place != levels.end() && *place == value) continue;
    levels.insert(place, value);
    if (std::ssize(levels) > DiscreteSamples::max_levels) break;
  }
  return levels;
}

}  // namespace

/// The columns of one test over its own samples.
struct DiscreteSamples::Columns {
  std::vector<CodedColumn> made;
  std::size_t samples = 0;
  std::vector<std::uint8_t> gathered;  ///< what made points to unless all times are used
};

Result<DiscreteSamples> DiscreteSamples::make(const Series& series, UsableTimes times,
                                              DiscreteTest test) {
  SOVREN_DO(check_series(series, times.max_lag()));
  SOVREN_CHECK(times.variables() == series.variables, "the times are of this series");
  DiscreteSamples made(std::move(times), test);
  made.steps_ = series.steps;
  const auto n = static_cast<std::size_t>(series.variables);
  const auto steps = static_cast<std::size_t>(series.steps);
  made.codes_.resize(n * steps);
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double> levels = levels_of(series, i);
    if (std::ssize(levels) > max_levels)
      return fail({.code = Code::data_invalid,
                   .what = "variable " + std::to_string(i) + " has more than " +
                           std::to_string(max_levels) +
                           " different values: too many for a test of discrete data",
                   .hint = "for continuous data use test = \"parcorr\""});
    made.levels_.push_back(std::max(1, static_cast<int>(levels.size())));
    for (std::size_t t = 0; t < steps; ++t)
      if (series.is_valid(t * n + i))
        made.codes_[i * steps + t] = static_cast<std::uint8_t>(
            std::ranges::lower_bound(levels, series.values[t * n + i]) - levels.begin());
  }
  const std::span<const int> all = made.times_.all();
  const auto lags = static_cast<std::size_t>(2 * made.max_lag()) + 1;
  made.of_times_.reserve(lags * n * all.size());
  for (std::size_t lag = 0; lag < lags; ++lag)
    for (std::size_t i = 0; i < n; ++i)
      for (const int t : all)
        made.of_times_.push_back(made.codes_[i * steps + static_cast<std::size_t>(t) - lag]);
  return made;
}

DiscreteSamples::Columns DiscreteSamples::columns(Node x, Node y, std::span<const Node> z) const {
  std::vector<Node> nodes{x, y};
  nodes.insert(nodes.end(), z.begin(), z.end());
  Columns result;
  for (const Node node : nodes)
    result.made.push_back({nullptr, levels_[static_cast<std::size_t>(node.variable)]});
  if (times_.has_all(x, y, z)) {
    result.samples = times_.all().size();
    for (std::size_t c = 0; c < nodes.size(); ++c) {
      const auto [variable, lag] = nodes[c];
      const std::ptrdiff_t column = std::ptrdiff_t{lag} * variables() + variable;
      result.made[c].codes = of_times_.data() + column * samples();
    }
    return result;
  }
  const std::vector<int> times = times_.of_test(x, y, z);
  result.samples = times.size();
  result.gathered.resize(nodes.size() * times.size());
  std::uint8_t* to = result.gathered.data();
  for (std::size_t c = 0; c < nodes.size(); ++c) {
    const std::uint8_t* const from = codes_.data() + std::ptrdiff_t{nodes[c].variable} * steps_;
    result.made[c].codes = to;
    for (const int t : times) *to++ = from[t - nodes[c].lag];
  }
  return result;
}

Partial DiscreteSamples::partial(Node x, Node y, std::span<const Node> z) const {
  const Columns columns = this->columns(x, y, z);
  const auto made = std::span(columns.made);
  const TableSum sum = sum_of_tables(made[0], made[1], made.subspan(2), columns.samples);
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  Partial result{.df = static_cast<int>(std::min(sum.df, most)), .p_value = 1};
  const int fewer = std::min(std::popcount(sum.rows), std::popcount(sum.columns));
  result.determined = result.df == 0 && fewer >= 2;
  if (result.df == 0) return result;
  const auto m = static_cast<double>(columns.samples);
  const bool is_g2 = test_ == DiscreteTest::g2;
  // Rounding may leave a g2 of perfect independence below zero.
  const double statistic = is_g2 ? std::max(sum.g2, 0.0) : sum.chi2;
  result.value = is_g2 ? statistic / (2 * m) : std::sqrt(statistic / (m * (fewer - 1)));
  result.p_value = chi_square_p(statistic, result.df);
  return result;
}

Fit DiscreteSamples::fit(Node y, std::span<const Node> z) const {
  const Columns columns = this->columns(y, y, z);
  Fit result{.samples = static_cast<int>(columns.samples)};
  if (columns.samples == 0) return result;
  const CodedColumn target = columns.made[0];
  const Strata strata = strata_of(std::span(columns.made).subspan(2), columns.samples);
  const auto levels = static_cast<std::size_t>(target.levels);
  std::vector<double> count(strata.count * levels);
  std::vector<double> of_stratum(strata.count);
  std::vector<double> of_level(levels);
  for (std::size_t s = 0; s < columns.samples; ++s) {
    const std::size_t stratum = strata.of_sample[s];
    ++count[stratum * levels + target.codes[s]];
    ++of_stratum[stratum];
    ++of_level[target.codes[s]];
  }
  const auto m = static_cast<double>(columns.samples);
  double g2 = 0;
  for (std::size_t k = 0; k < count.size(); ++k)
    if (count[k] > 0)
      g2 += 2 * count[k] * std::log(count[k] * m / (of_stratum[k / levels] * of_level[k % levels]));
  const auto present =
      static_cast<double>(std::ranges::count_if(of_level, [](double n) { return n > 0; }));
  const double df = (present - 1) * (static_cast<double>(strata.count) - 1);
  result.unexplained = std::exp(-(g2 - 2 * (df - static_cast<double>(z.size()))) / m);
  return result;
}

double DiscreteSamples::test_s(int conditions) const {
  return 2e-6 + 1e-9 * samples() * (conditions + 3);
}

}  // namespace sovren::kernels
