// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/dense_samples.h"

#include <algorithm>

#include "core/base/check.h"
#include "kernels/causal/parcorr.h"
#include "kernels/linalg/blas.h"

namespace sovren::kernels {

Result<DenseSamples> DenseSamples::make(const Series& series, int max_lag,
                                        std::span<const int> times, Marginals marginals) {
  SOVREN_DO(check_series(series, max_lag));
  SOVREN_CHECK(
      std::ranges::all_of(times, [&](int t) { return 2 * max_lag <= t && t < series.steps; }),
      "time points lie in [2 max_lag, steps)");
  DenseSamples made;
  made.variables_ = series.variables;
  made.max_lag_ = max_lag;
  made.samples_ = static_cast<int>(times.size());
  made.width_ =
      static_cast<std::size_t>(series.variables) * (static_cast<std::size_t>(2 * max_lag) + 1);
  made.stack(series, times);
  made.standardise_columns(marginals);
  made.matrix_.resize(made.width_ * made.width_);
  gram(static_cast<int>(made.width_), made.samples_, made.stacked_.data(), made.matrix_.data());
  for (std::size_t c = 0; c < made.width_; ++c)
    if (made.resolution_[c] > 0) made.matrix_[c * made.width_ + c] = 1;
  return made;
}

std::size_t DenseSamples::bytes(int variables, int max_lag, int times) {
  const auto width =
      static_cast<std::size_t>(variables) * (static_cast<std::size_t>(2 * max_lag) + 1);
  return sizeof(double) * width * (width + static_cast<std::size_t>(times));
}

/// stacked_ := the raw values, 0 where missing.
void DenseSamples::stack(const Series& series, std::span<const int> times) {
  const auto n = static_cast<std::size_t>(variables_);
  stacked_.resize(times.size() * width_);
  incomplete_.assign(width_, 0);
  double* to = stacked_.data();
  for (const int t : times) {
    for (int lag = 0; lag <= 2 * max_lag_; ++lag, to += n) {
      const std::size_t from = static_cast<std::size_t>(t - lag) * n;
      std::copy_n(series.values.begin() + static_cast<std::ptrdiff_t>(from), n, to);
      for (std::size_t i = 0; i < n && !series.valid.empty(); ++i) {
        if (series.is_valid(from + i)) continue;
        to[i] = 0;
        incomplete_[column({static_cast<int>(i), lag})] = 1;
      }
    }
  }
}

void DenseSamples::standardise_columns(Marginals marginals) {
  resolution_.assign(width_, 0.0);
  std::vector<double> own(static_cast<std::size_t>(samples_));
  for (std::size_t c = 0; c < width_; ++c) {
    if (incomplete_[c] != 0)
      std::ranges::fill(own, 0.0);
    else
      for (std::size_t s = 0; s < own.size(); ++s) own[s] = stacked_[s * width_ + c];
    resolution_[c] = standardise(own, marginals);
    for (std::size_t s = 0; s < own.size(); ++s) stacked_[s * width_ + c] = own[s];
  }
}

void DenseSamples::correlations(Node a, std::span<const Node> others, std::span<double> out) const {
  SOVREN_CHECK(out.size() == others.size(), "one result for each node");
  const double* const from = matrix_.data() + column(a) * width_;
  for (std::size_t k = 0; k < others.size(); ++k) out[k] = from[column(others[k])];
}

void DenseSamples::row(Node a, int lag, std::span<double> out) const {
  SOVREN_CHECK(std::ssize(out) == variables_, "out is (variables)");
  std::copy_n(matrix_.data() + column(a) * width_ + column({0, lag}), variables_, out.begin());
}

TestColumns DenseSamples::columns(std::span<const Node> nodes) const {
  TestColumns made{.samples = samples_, .columns = static_cast<int>(nodes.size())};
  made.values.reserve(nodes.size() * static_cast<std::size_t>(samples_));
  for (const Node node : nodes) {
    const std::size_t c = column(node);
    for (std::size_t s = 0; s < static_cast<std::size_t>(samples_); ++s)
      made.values.push_back(stacked_[s * width_ + c]);
    made.resolution = std::max(made.resolution, resolution_[c]);
  }
  return made;
}

}  // namespace sovren::kernels
