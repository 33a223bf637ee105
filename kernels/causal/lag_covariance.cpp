// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/lag_covariance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/check.h"
#include "kernels/causal/lag_products.h"
#include "kernels/causal/parcorr.h"
#include "kernels/linalg/clones.h"

namespace sovren::kernels {
namespace {

/// out[k] += factor in[k]
SOVREN_CLONES void add_multiple(double* out, const double* in, double factor, int n) {
  for (int k = 0; k < n; ++k) out[k] += factor * in[k];
}

/// out[k] = out[k] (scale scales[k]) - offset offsets[k]
SOVREN_CLONES void normalise(double* out, const double* scales, const double* offsets, double scale,
                             double offset, int n) {
  for (int k = 0; k < n; ++k) out[k] = out[k] * (scale * scales[k]) - offset * offsets[k];
}

/// The time points of one product sum which the core does not cover, in positions of the edge
/// arrays, for the variable with the smaller lag; the other stands d positions before.
struct EdgeRange {
  int head_begin, head_end, tail_begin, tail_end;
};

EdgeRange edge_range(int T, int L, int smaller_lag, int d) {
  const int positions = edge_positions(T, L);
  const int end = T - smaller_lag;  // one past the last time point of the window
  if (T - 2 * L + d <= 2 * L) {  // no core: the whole window, and every time point has a position
    return {2 * L - smaller_lag, end, 0, 0};
  }
  const int tail = T - 2 * L + d;
  const int skipped = T - positions;  // the time points between head and tail have none
  return {2 * L - smaller_lag, 2 * L, tail - skipped, end - skipped};
}

/// Correlation with itself is 1; a constant has none.
double self_correlation(bool is_constant) {
  return is_constant ? 0.0 : 1.0;
}

}  // namespace

int edge_positions(int steps, int max_lag) {
  // All of them while some lag difference has no core.
  return steps <= 4 * max_lag ? steps : 4 * max_lag;
}

double LagCorrelation::correlation(Node a, Node b) const {
  if (a == b) return self_correlation(is_constant(a));
  const bool a_is_later = a.lag < b.lag || (a.lag == b.lag && a.variable <= b.variable);
  const Node later = a_is_later ? a : b;
  const Node earlier = a_is_later ? b : a;
  const int d = earlier.lag - later.lag;
  const EdgeRange range = edge_range(steps_, max_lag_, later.lag, d);
  const auto positions = std::ptrdiff_t{edge_positions(steps_, max_lag_)};
  const double* const x = edge_.data() + later.variable * positions;
  const double* const z = edge_.data() + earlier.variable * positions;
  double sum = core(later.variable, d)[earlier.variable];
  for (int u = range.head_begin; u < range.head_end; ++u) sum += x[u] * z[u - d];
  for (int u = range.tail_begin; u < range.tail_end; ++u) sum += x[u] * z[u - d];
  const std::size_t ma = moment(a);
  const std::size_t mb = moment(b);
  return sum * (inverse_length_[ma] * inverse_length_[mb]) - offset_[ma] * offset_[mb];
}

void LagCorrelation::correlations(Node a, std::span<const Node> others,
                                  std::span<double> out) const {
  SOVREN_CHECK(out.size() == others.size(), "one result for each node");
  for (std::size_t k = 0; k < others.size(); ++k) out[k] = correlation(a, others[k]);
}

void LagCorrelation::row(Node a, int lag, std::span<double> out) const {
  SOVREN_CHECK(std::ssize(out) == variables_, "out is (variables)");
  const int difference = lag - a.lag;
  const int d = std::abs(difference);
  const EdgeRange range = edge_range(steps_, max_lag_, std::min(a.lag, lag), d);
  const double* const x =
      edge_.data() + std::ptrdiff_t{a.variable} * edge_positions(steps_, max_lag_);
  const double* const from = core(a.variable, difference);
  std::copy(from, from + variables_, out.begin());
  // a is the later one of the two (it stands at u) or the earlier one (at u - d).
  const int a_shift = difference >= 0 ? 0 : d;
  const int other_shift = difference >= 0 ? d : 0;
  const auto add_range = [&](int begin, int end) {
    for (int u = begin; u < end; ++u)
      add_multiple(out.data(), edge_rows_.data() + std::ptrdiff_t{u - other_shift} * variables_,
                   x[u - a_shift], variables_);
  };
  add_range(range.head_begin, range.head_end);
  add_range(range.tail_begin, range.tail_end);
  const std::size_t moments = moment({0, lag});
  normalise(out.data(), inverse_length_.data() + moments, offset_.data() + moments,
            inverse_length_[moment(a)], offset_[moment(a)], variables_);
  if (d == 0) out[static_cast<std::size_t>(a.variable)] = self_correlation(is_constant(a));
}

TestColumns LagCorrelation::columns(std::span<const Node> nodes) const {
  TestColumns made{.samples = samples(), .columns = static_cast<int>(nodes.size())};
  made.values.reserve(nodes.size() * static_cast<std::size_t>(samples()));
  const double root = std::sqrt(static_cast<double>(samples()));
  for (const Node node : nodes) {
    const std::size_t index = moment(node);
    const double mean = offset_[index] / inverse_length_[index] / root;
    const auto* const from =
        series_.data() + std::ptrdiff_t{node.variable} * steps_ + (2 * max_lag_ - node.lag);
    for (int t = 0; t < samples(); ++t)
      made.values.push_back((from[t] - mean) * inverse_length_[index]);
    made.resolution = std::max(made.resolution, resolution_[index]);
  }
  return made;
}

Result<LagCorrelation> lag_correlation(const Series& series, int max_lag, Backend backend) {
  SOVREN_TRY(tiles, LagTiles::make(series, max_lag));
  std::vector<double> products(tiles.size(0, tiles.count()));
  SOVREN_DO(tiles.compute(0, tiles.count(), products, backend));
  return std::move(tiles).assemble(products);
}

Result<LagCorrelation> lag_correlation_cpu(std::span<const double> data, int T, int N,
                                           int max_lag) {
  return lag_correlation({.values = data, .steps = T, .variables = N}, max_lag, Backend::cpu);
}

Result<LagCorrelation> lag_correlation_cuda(std::span<const double> data, int T, int N,
                                            int max_lag) {
  return lag_correlation({.values = data, .steps = T, .variables = N}, max_lag, Backend::cuda);
}

}  // namespace sovren::kernels
