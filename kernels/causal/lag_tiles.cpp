// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/lag_covariance.h"
#include "kernels/causal/lag_products.h"

namespace sovren::kernels {
namespace {

using Column = LagCorrelation::Column;

/// The mean of the valid values that every window holds, t = 2 L .. T-1 - 2 L; of all valid ones
/// when there are none such.
double core_mean(const Series& series, int max_lag, std::size_t variable) {
  const auto n = static_cast<std::size_t>(series.variables);
  const auto mean_of = [&](int begin, int end, double around, std::int64_t& count) {
    double sum = 0;
    count = 0;
    for (int t = begin; t < end; ++t) {
      const std::size_t index = static_cast<std::size_t>(t) * n + variable;
      if (series.is_valid(index)) sum += series.values[index] - around, ++count;
    }
    return count == 0 ? around : around + sum / static_cast<double>(count);
  };
  int begin = 2 * max_lag;
  int end = series.steps - 2 * max_lag;
  std::int64_t count = 0;
  double mean = begin < end ? mean_of(begin, end, 0, count) : 0;
  if (count == 0) {
    begin = 0;
    end = series.steps;
    mean = mean_of(begin, end, 0, count);
  }
  return mean_of(begin, end, mean, count);  // the second pass removes the rounding of the first
}

Column column_of(const Series& series, int max_lag, std::size_t variable) {
  const auto n = static_cast<std::size_t>(series.variables);
  Column column{.shift = core_mean(series, max_lag, variable)};
  double largest = 0;
  for (std::size_t index = variable; index < series.values.size(); index += n)
    if (series.is_valid(index))
      largest = std::max(largest, std::abs(series.values[index] - column.shift));
  // A power of two: scaling then rounds nothing, and squares neither overflow nor vanish.
  if (largest > 0) column.scale = std::exp2(std::min(-std::ilogb(largest), 1000));
  return column;
}

/// What a window of one variable has: mean and length of the shifted, scaled values, and the
/// largest raw value.
struct Moments {
  double inverse_length = 0;
  double offset = 0;
  double resolution = 1;
};

Moments moments_of(std::span<const double> window, const Column& column) {
  const auto n = static_cast<double>(window.size());
  double sum = 0;
  double largest = 0;
  for (const double v : window) {
    sum += v;
    largest = std::max(largest, std::abs(column.raw(v)));
  }
  double mean = sum / n;
  double rest = 0;
  for (const double v : window) rest += v - mean;
  mean += rest / n;
  double squares = 0;
  for (const double v : window) squares += (v - mean) * (v - mean);
  const double std = std::sqrt(squares / n) / column.scale;
  if (!(std > 1e-12 * largest)) return {};
  const double length = std::sqrt(squares);
  return {1 / length, std::sqrt(n) * mean / length, largest / std};
}

}  // namespace

Result<LagTiles> LagTiles::make(const Series& series, int max_lag) {
  SOVREN_DO(check_series(series, max_lag));
  LagTiles tiles;
  LagCorrelation& made = tiles.made_;
  made.steps_ = series.steps;
  made.variables_ = series.variables;
  made.max_lag_ = max_lag;
  const auto n = static_cast<std::size_t>(series.variables);
  const auto steps = static_cast<std::size_t>(series.steps);
  const std::size_t lags = static_cast<std::size_t>(2 * max_lag) + 1;
  const auto positions = static_cast<std::size_t>(edge_positions(series.steps, max_lag));
  const std::size_t samples = steps - lags + 1;

  made.series_.assign(n * steps, 0.0);
  tiles.rows_.assign(n * steps, 0.0);
  made.edge_.resize(n * positions);
  made.edge_rows_.resize(n * positions);
  made.inverse_length_.resize(lags * n);
  made.offset_.resize(lags * n);
  made.incomplete_.resize(lags * n);
  made.resolution_.assign(lags * n, 1.0);
  for (std::size_t i = 0; i < n; ++i) {
    const Column column = column_of(series, max_lag, i);
    made.columns_.push_back(column);
    const auto own = std::span(made.series_).subspan(i * steps, steps);
    for (std::size_t t = 0; t < steps; ++t)
      if (series.is_valid(t * n + i))
        own[t] = (series.values[t * n + i] - column.shift) * column.scale;
    for (std::size_t t = 0; t < steps; ++t) tiles.rows_[t * n + i] = own[t];
    for (std::size_t p = 0; p < positions; ++p) {
      const std::size_t t = 2 * p < positions ? p : p + (steps - positions);
      made.edge_[i * positions + p] = made.edge_rows_[p * n + i] = own[t];
    }
    for (std::size_t lag = 0; lag < lags; ++lag) {
      const std::size_t begin = lags - 1 - lag;
      const std::size_t index = lag * n + i;
      for (std::size_t t = begin; t < begin + samples && !series.valid.empty(); ++t)
        if (!series.is_valid(t * n + i)) made.incomplete_[index] = 1;
      if (made.incomplete_[index] != 0) continue;
      const Moments moments = moments_of(own.subspan(begin, samples), column);
      made.inverse_length_[index] = moments.inverse_length;
      made.offset_[index] = moments.offset;
      made.resolution_[index] = moments.resolution;
    }
  }
  return tiles;
}

int LagTiles::count() const {
  return (made_.variables_ + lag_tile_rows - 1) / lag_tile_rows;
}

std::size_t LagTiles::size(int tile) const {
  const int rows = std::min(lag_tile_rows, made_.variables_ - tile * lag_tile_rows);
  return static_cast<std::size_t>(2 * made_.max_lag_ + 1) * static_cast<std::size_t>(rows) *
         static_cast<std::size_t>(made_.variables_);
}

std::size_t LagTiles::size(int first, int last) const {
  std::size_t sum = 0;
  for (int tile = first; tile < last; ++tile) sum += size(tile);
  return sum;
}

Result<void> LagTiles::compute(int first, int last, std::span<double> out, Backend backend) const {
  SOVREN_CHECK(0 <= first && first <= last && last <= count(), "tiles are 0 .. count()-1");
  SOVREN_CHECK(out.size() == size(first, last), "out holds the tiles");
  SOVREN_CHECK(backend != Backend::auto_, "the backend is chosen");
  const LagProducts work{.rows = rows_,
                         .T = made_.steps_,
                         .N = made_.variables_,
                         .L = made_.max_lag_,
                         .first = first,
                         .last = last};
  return backend == Backend::cpu ? lag_products_cpu(work, out) : lag_products_cuda(work, out);
}

LagCorrelation LagTiles::assemble(std::span<const double> tiles) && {
  SOVREN_CHECK(tiles.size() == size(0, count()), "all tiles are there");
  rows_ = {};
  const int n = made_.variables_;
  const int differences = 2 * made_.max_lag_;
  made_.core_.resize(static_cast<std::size_t>(n) * static_cast<std::size_t>(n) *
                     static_cast<std::size_t>(2 * differences + 1));
  const auto target = [&](int i, int d) { return const_cast<double*>(made_.core(i, d)); };
  for (int tile = 0; tile < count(); ++tile) {
    const int first = tile * lag_tile_rows;
    const int last = std::min(first + lag_tile_rows, n);
    for (int d = 0; d <= differences; ++d) {
      for (int i = first; i < last; ++i)
        std::copy_n(tiles.data() + std::ptrdiff_t{i - first} * n, n, target(i, d));
      tiles = tiles.subspan(static_cast<std::size_t>(last - first) * static_cast<std::size_t>(n));
    }
  }
  // The other half by mirroring, in squares that fit the cache: core(i,-d,k) = core(k,d,i). At d =
  // 0 the upper half counts, so that the matrix is symmetric to the last bit.
  constexpr int square = 32;
  for (int d = 0; d <= differences; ++d)
    for (int i0 = 0; i0 < n; i0 += square)
      for (int k0 = 0; k0 < n; k0 += square)
        for (int i = i0; i < std::min(i0 + square, n); ++i)
          for (int k = d == 0 ? std::max(k0, i + 1) : k0; k < std::min(k0 + square, n); ++k)
            target(k, -d)[i] = made_.core(i, d)[k];
  return std::move(made_);
}

}  // namespace sovren::kernels
