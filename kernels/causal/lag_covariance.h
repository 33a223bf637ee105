// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "kernels/causal/lag_view.h"
#include "kernels/causal/series.h"
#include "kernels/causal/shared_correlation.h"

namespace sovren::kernels {

/// Correlations of all lagged variables x_i(t - a), a = 0 .. 2 max_lag, over the common samples
/// t = 2 max_lag .. T-1, each window centred on its own mean: exact, no Toeplitz approximation.
///
/// Model    S(i,a; k,a+d) = core_d(i,k) + the products at the 2 max_lag - d time points of that
///          window which not every window shares. The core is one matrix product per d; the edges
///          are added, never subtracted, so an outlier at an end of the series spoils only the
///          windows that hold it. docs/adr/0003-lagged-covariance.md
/// Shape    core (i, d, k), d = -2 max_lag .. 2 max_lag: 8 N^2 (4 max_lag + 1) bytes.
/// Threads  const: any number of readers.
/// Cost     correlation(): 2 max_lag - |d| products. row(): the same for each entry, vectorised.
class LagCorrelation final : public SharedCorrelation {
 public:
  double correlation(Node a, Node b) const override;
  void correlations(Node a, std::span<const Node> others, std::span<double> out) const override;
  void row(Node a, int lag, std::span<double> out) const override;
  bool is_constant(Node node) const override { return inverse_length_[moment(node)] == 0; }
  bool is_incomplete(Node node) const override { return incomplete_[moment(node)] != 0; }
  TestColumns columns(std::span<const Node> nodes) const override;

  /// What a column was shifted and scaled by, in this order: neither changes a correlation.
  struct Column {
    double shift = 0;
    double scale = 1;  ///< a power of two: rounds nothing
    double raw(double value) const { return value / scale + shift; }
  };
  Column column(int variable) const { return columns_[static_cast<std::size_t>(variable)]; }
  /// All time steps of a variable, shifted and scaled; 0 where missing.
  std::span<const double> series(int variable) const {
    const auto steps = static_cast<std::size_t>(steps_);
    return std::span(series_).subspan(static_cast<std::size_t>(variable) * steps, steps);
  }

  /// The arrays as a device takes them: edges by position, so that neighbours in memory are
  /// variables.
  LagView view() const;

  int variables() const override { return variables_; }
  int max_lag() const override { return max_lag_; }
  int samples() const override { return steps_ - 2 * max_lag_; }

 private:
  friend class LagTiles;
  LagCorrelation() = default;

  std::size_t moment(Node node) const {
    return static_cast<std::size_t>(node.lag) * static_cast<std::size_t>(variables_) +
           static_cast<std::size_t>(node.variable);
  }
  const double* core(int variable, int difference) const {
    const auto n = static_cast<std::size_t>(variables_);
    const auto lags = static_cast<std::size_t>(4 * max_lag_ + 1);
    return core_.data() + (static_cast<std::size_t>(variable) * lags +
                           static_cast<std::size_t>(difference + 2 * max_lag_)) *
                              n;
  }

  int steps_ = 0;
  int variables_ = 0;
  int max_lag_ = 0;
  std::vector<Column> columns_;
  std::vector<double> series_;     ///< (variable, time): shifted, scaled
  std::vector<double> edge_;       ///< (variable, position): first and last 2 max_lag times
  std::vector<double> edge_rows_;  ///< (position, variable): the same
  std::vector<double> core_;       ///< (i, d, k)
  std::vector<double>
      inverse_length_;          ///< (lag, variable): 1 / sqrt(sum (x - mean)^2); 0: constant
  std::vector<double> offset_;  ///< (lag, variable): sqrt(samples) mean / length
  std::vector<std::uint8_t> incomplete_;  ///< (lag, variable)
  std::vector<double> resolution_;        ///< (lag, variable): max|raw x| / std
};

/// The making of a LagCorrelation, split in fixed tiles so that ranks can share the work.
///
/// Model    make() on every rank -> compute() some tiles -> exchange them -> assemble(). A tile is
///          64 target rows x all variables x all lag differences; each is one fixed sequence of
///          calls, so the result does not depend on who computes which, bit for bit (on one kind of
///          processor and one backend).
/// Memory   tiles: 8 N^2 (2 max_lag + 1) bytes over all.
class LagTiles {
 public:
  /// Errors: data_invalid when T < 2 max_lag + 4, or a value is not finite.
  static Result<LagTiles> make(const Series& series, int max_lag);

  int count() const;
  /// Doubles in tile `tile`; the tiles of a rank stand one after another.
  std::size_t size(int tile) const;
  std::size_t size(int first, int last) const;

  /// Computes tiles [first, last) into out. backend: cpu or cuda. Errors: device.
  Result<void> compute(int first, int last, std::span<double> out, Backend backend) const;

  /// All tiles, 0 .. count()-1, one after another. Uses up this object.
  LagCorrelation assemble(std::span<const double> tiles) &&;

 private:
  LagTiles() = default;
  LagCorrelation made_;
  std::vector<double> rows_;  ///< (time, variable): shifted, scaled
};

/// All in one call, on this rank. Errors: as LagTiles.
Result<LagCorrelation> lag_correlation(const Series& series, int max_lag, Backend backend);
Result<LagCorrelation> lag_correlation_cpu(std::span<const double> data, int T, int N, int max_lag);
Result<LagCorrelation> lag_correlation_cuda(std::span<const double> data, int T, int N,
                                            int max_lag);

}  // namespace sovren::kernels
