// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/masked_samples.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/parcorr.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {

/// The columns of one test over its own samples.
struct MaskedSamples::Columns {
  TestColumns made;  ///< the varying nodes of Z, then the tested ones
  int conditions = 0;
  bool is_a_tested_one_constant = false;
};

MaskedSamples::MaskedSamples(const Series& series, UsableTimes times, Marginals marginals,
                             const SharedCorrelation& complete)
    : complete_(complete), times_(std::move(times)), steps_(series.steps) {
  SOVREN_CHECK(
      series.variables == complete.variables() && times_.variables() == complete.variables() &&
          times_.max_lag() == complete.max_lag() && std::ssize(times_.all()) == complete.samples(),
      "series, time points and correlations belong together");
  const auto n = static_cast<std::size_t>(series.variables);
  const auto steps = static_cast<std::size_t>(series.steps);
  values_.assign(n * steps, 0.0);
  for (std::size_t t = 0; t < steps; ++t)
    for (std::size_t i = 0; i < n; ++i)
      if (series.is_valid(t * n + i)) values_[i * steps + t] = series.values[t * n + i];
  if (marginals == Marginals::rank_normal) normalizer_.emplace(values_, series.steps);
}

MaskedSamples::MaskedSamples(const Series& series, const SharedCorrelation& complete)
    : MaskedSamples(
          series,
          UsableTimes(series, complete.max_lag(), all_times(series.steps, complete.max_lag())),
          Marginals::linear, complete) {}

MaskedSamples::Columns MaskedSamples::columns(std::span<const Node> z, std::span<const Node> tested,
                                              std::span<const int> times) const {
  Columns result{.made = {.samples = static_cast<int>(times.size())}};
  auto& values = result.made.values;
  values.reserve((z.size() + tested.size()) * times.size());
  std::vector<double> quantiles;
  if (normalizer_) quantiles = RankNormalizer::quantiles(result.made.samples);
  const auto add = [&](Node node) {
    const std::size_t begin = values.size();
    values.resize(begin + times.size());
    const auto own = std::span(values).subspan(begin);
    const double* const from = values_.data() + std::ptrdiff_t{node.variable} * steps_ - node.lag;
    for (std::size_t s = 0; s < times.size(); ++s) own[s] = from[times[s]];
    double resolution = standardise(own, Marginals::linear);
    if (resolution > 0 && normalizer_) {
      normalizer_->transform(node.variable, node.lag, times, quantiles, own);
      resolution = standardise(own, Marginals::linear);
    }
    if (resolution == 0) {
      values.resize(begin);
      return false;
    }
    result.made.resolution = std::max(result.made.resolution, resolution);
    ++result.made.columns;
    return true;
  };
  for (const Node node : z) result.conditions += add(node);
  for (const Node node : tested)
    if (!add(node)) result.is_a_tested_one_constant = true;
  return result;
}

namespace {

std::vector<double> correlations(const TestColumns& columns) {
  const auto n = static_cast<std::size_t>(columns.columns);
  const auto length = static_cast<std::size_t>(columns.samples);
  const auto column = [&](std::size_t c) {
    return std::span(columns.values).subspan(c * length, length);
  };
  std::vector<double> lower(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) lower[i * n + k] = dot(column(i), column(k));
    lower[i * n + i] = 1;
  }
  return lower;
}

}  // namespace

Partial MaskedSamples::partial(Node x, Node y, std::span<const Node> z) const {
  if (times_.has_all(x, y, z)) return complete_.partial(x, y, z);
  const std::vector<Node> tested{x, y};
  const Columns columns = this->columns(z, tested, times_.of_test(x, y, z));
  const TestColumns& made = columns.made;
  Partial result{.df = made.samples - 2 - columns.conditions};
  if (result.df < 1 || columns.is_a_tested_one_constant) return result;
  std::vector<double> matrix = correlations(made);
  if (partial_by_cholesky(matrix, made.columns, result.value)) return result;
  const int df = result.df;
  result = partial_by_qr(made);
  result.df = df;
  return result;
}

Fit MaskedSamples::fit(Node y, std::span<const Node> z) const {
  if (times_.has_all(y, y, z)) return complete_.fit(y, z);
  const std::vector<Node> tested{y};
  const Columns columns = this->columns(z, tested, times_.of_test(y, y, z));
  Fit result{.samples = columns.made.samples};
  if (columns.is_a_tested_one_constant || columns.made.samples == 0) return result;
  std::vector<double> matrix = correlations(columns.made);
  if (!unexplained_by_cholesky(matrix, columns.made.columns, result.unexplained))
    result.unexplained = unexplained_by_qr(columns.made);
  return result;
}

double MaskedSamples::test_s(int conditions) const {
  const double columns = conditions + 2.0;
  const double gathered = normalizer_ ? 1.5e-8 + 6e-9 * columns : 2e-9 * columns;
  return 1e-6 + samples() * (gathered + 1e-10 * columns * columns);
}

}  // namespace sovren::kernels
