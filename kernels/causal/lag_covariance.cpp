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

/// Correlation with itself is 1; a constant has none.
double self_correlation(bool is_constant) {
  return is_constant ? 0.0 : 1.0;
}

}  // namespace

LagView LagCorrelation::view() const {
  return {.core = core_.data(),
          .edges = edge_rows_.data(),
          .inverse_length = inverse_length_.data(),
          .offset = offset_.data(),
          .position_stride = variables_,
          .variable_stride = 1,
          .steps = steps_,
          .variables = variables_,
          .max_lag = max_lag_};
}

double LagCorrelation::correlation(Node a, Node b) const {
  LagView by_variable = view();  // a single look-up reads few positions of two variables
  by_variable.edges = edge_.data();
  by_variable.position_stride = 1;
  by_variable.variable_stride = edge_positions(steps_, max_lag_);
  return correlation_of(by_variable, a, b);
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
