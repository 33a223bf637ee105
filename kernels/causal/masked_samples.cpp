// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/masked_samples.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/parcorr.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {

/// The columns of one test over its own samples.
struct MaskedSamples::Columns {
  TestColumns made;  ///< the varying nodes of Z, then the tested ones
  bool is_a_tested_one_constant = false;
};

MaskedSamples::MaskedSamples(const Series& series, const LagCorrelation& complete)
    : complete_(complete) {
  SOVREN_CHECK(series.variables == complete.variables() &&
                   series.steps == complete.samples() + 2 * complete.max_lag(),
               "complete is made from this series");
  const auto n = static_cast<std::size_t>(series.variables);
  const auto steps = static_cast<std::size_t>(series.steps);
  words_ = (series.steps + 63) / 64;
  valid_.assign(n * static_cast<std::size_t>(words_), 0);
  for (std::size_t t = 0; t < steps; ++t) {
    for (std::size_t i = 0; i < n; ++i) {
      if (!series.valid.empty() && series.valid[t * n + i] == 0) continue;
      valid_[i * static_cast<std::size_t>(words_) + t / 64] |= std::uint64_t{1} << (t % 64);
    }
  }
}

bool MaskedSamples::is_complete(std::span<const Node> nodes) const {
  return std::ranges::none_of(nodes, [&](Node node) { return complete_.is_incomplete(node); });
}

/// The sample numbers s (time s + 2 max_lag) at which all nodes are measured, ascending.
std::vector<int> MaskedSamples::common_samples(std::span<const Node> nodes) const {
  const int count = samples();
  std::vector<int> common;
  common.reserve(static_cast<std::size_t>(count));
  for (int first = 0; first < count; first += 64) {
    std::uint64_t all = ~std::uint64_t{0};
    if (count - first < 64) all = (std::uint64_t{1} << (count - first)) - 1;
    for (const Node node : nodes) {
      const auto* const bits = valid_.data() + std::ptrdiff_t{node.variable} * words_;
      const int from = first + 2 * max_lag() - node.lag;
      const int word = from / 64;
      const int shift = from % 64;
      std::uint64_t window = bits[word] >> shift;
      if (shift > 0 && word + 1 < words_) window |= bits[word + 1] << (64 - shift);
      all &= window;
    }
    for (; all != 0; all &= all - 1) common.push_back(first + std::countr_zero(all));
  }
  return common;
}

MaskedSamples::Columns MaskedSamples::columns(std::span<const Node> z,
                                              std::span<const Node> tested) const {
  std::vector<Node> nodes(z.begin(), z.end());
  nodes.insert(nodes.end(), tested.begin(), tested.end());
  const std::vector<int> common = common_samples(nodes);
  const std::size_t n = common.size();
  Columns result{.made = {.samples = static_cast<int>(n)}};
  for (std::size_t c = 0; c < nodes.size(); ++c) {
    const LagCorrelation::Column column = complete_.column(nodes[c].variable);
    const double* const from =
        complete_.series(nodes[c].variable).data() + (2 * max_lag() - nodes[c].lag);
    auto& values = result.made.values;
    const std::size_t begin = values.size();
    double largest = 0;
    double mean = 0;
    for (const int s : common) {
      values.push_back(from[s]);
      largest = std::max(largest, std::abs(column.raw(from[s])));
      mean += from[s] / static_cast<double>(n);
    }
    const auto own = std::span(values).subspan(begin);
    double rest = 0;
    for (const double v : own) rest += v - mean;
    mean += n == 0 ? 0 : rest / static_cast<double>(n);
    for (double& v : own) v -= mean;
    const double length = std::sqrt(dot(own, own));
    const double std =
        length / std::sqrt(static_cast<double>(std::max<std::size_t>(n, 1))) / column.scale;
    if (!(std > 1e-12 * largest)) {
      values.resize(begin);
      if (c >= z.size()) result.is_a_tested_one_constant = true;
      continue;
    }
    for (double& v : own) v /= length;
    result.made.resolution = std::max(result.made.resolution, largest / std);
    ++result.made.columns;
  }
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
  const std::vector<Node> tested{x, y};
  if (is_complete(z) && is_complete(tested)) return complete_.partial(x, y, z);
  const Columns columns = this->columns(z, tested);
  const TestColumns& made = columns.made;
  const int conditions = made.columns - (columns.is_a_tested_one_constant ? 0 : 2);
  Partial result{.df = made.samples - 2 - conditions};
  if (result.df < 1 || columns.is_a_tested_one_constant) return result;
  std::vector<double> matrix = correlations(made);
  if (partial_by_cholesky(matrix, made.columns, result.value)) return result;
  const int df = result.df;
  result = partial_by_qr(made);
  result.df = df;
  return result;
}

Fit MaskedSamples::fit(Node y, std::span<const Node> z) const {
  const std::vector<Node> tested{y};
  if (is_complete(z) && is_complete(tested)) return complete_.fit(y, z);
  const Columns columns = this->columns(z, tested);
  Fit result{.samples = columns.made.samples};
  if (columns.is_a_tested_one_constant || columns.made.samples == 0) return result;
  std::vector<double> matrix = correlations(columns.made);
  if (!unexplained_by_cholesky(matrix, columns.made.columns, result.unexplained))
    result.unexplained = unexplained_by_qr(columns.made);
  return result;
}

}  // namespace sovren::kernels
