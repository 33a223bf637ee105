// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

#include "kernels/causal/test_source.h"
#include "kernels/device/both.h"

namespace sovren::kernels {

/// The arrays of a LagCorrelation, wherever they lie: plain pointers, so that a device can have its
/// own copy.
///
/// Shape    core (i, d, k), d = -2 max_lag .. 2 max_lag. moments (lag, variable), lag = 0 .. 2
///          max_lag. edges: the value of a variable at an edge position, either index first.
struct LagView {
  const double* core = nullptr;
  const double* edges = nullptr;
  const double* inverse_length = nullptr;
  const double* offset = nullptr;
  std::ptrdiff_t position_stride = 0;  ///< from one edge position to the next
  std::ptrdiff_t variable_stride = 0;  ///< from one variable to the next
  int steps = 0;
  int variables = 0;
  int max_lag = 0;

  std::size_t core_size() const {
    return static_cast<std::size_t>(variables) * static_cast<std::size_t>(variables) *
           static_cast<std::size_t>(4 * max_lag + 1);
  }
  std::size_t moments() const {
    return static_cast<std::size_t>(variables) * static_cast<std::size_t>(2 * max_lag + 1);
  }
};

/// How many edge positions a lag correlation of this size has: all time points while some lag
/// difference has no core.
SOVREN_BOTH inline int edge_positions(int steps, int max_lag) {
  return steps <= 4 * max_lag ? steps : 4 * max_lag;
}

/// The time points of one product sum which the core does not cover, in edge positions, for the
/// variable with the smaller lag; the other stands d positions before.
struct EdgeRange {
  int head_begin, head_end, tail_begin, tail_end;
};

SOVREN_DEVICE EdgeRange edge_range(int T, int L, int smaller_lag, int d) {
  const int end = T - smaller_lag;  // one past the last time point of the window
  if (T - 2 * L + d <= 2 * L) {  // no core: the whole window, and every time point has a position
    return {2 * L - smaller_lag, end, 0, 0};
  }
  const int tail = T - 2 * L + d;
  const int skipped = T - edge_positions(T, L);  // points between head and tail have no position
  return {2 * L - smaller_lag, 2 * L, tail - skipped, end - skipped};
}

SOVREN_DEVICE std::ptrdiff_t moment_index(const LagView& view, Node node) {
  return static_cast<std::ptrdiff_t>(node.lag) * view.variables + node.variable;
}

/// Correlation of two lagged variables: what LagCorrelation::correlation() returns. The same bits
/// for (a, b) and (b, a).
SOVREN_DEVICE double correlation_of(const LagView& view, Node a, Node b) {
  const std::ptrdiff_t ma = moment_index(view, a);
  const std::ptrdiff_t mb = moment_index(view, b);
  if (ma == mb) return view.inverse_length[ma] == 0 ? 0.0 : 1.0;  // itself; a constant has none
  const bool a_is_later = a.lag <= b.lag;
  const int d = a_is_later ? b.lag - a.lag : a.lag - b.lag;
  const EdgeRange range = edge_range(view.steps, view.max_lag, a_is_later ? a.lag : b.lag, d);
  const double* const x = view.edges + (a_is_later ? a : b).variable * view.variable_stride;
  const double* const z = view.edges + (a_is_later ? b : a).variable * view.variable_stride;
  const std::ptrdiff_t row =
      static_cast<std::ptrdiff_t>(a.variable) * (4 * view.max_lag + 1) + (b.lag - a.lag);
  double sum = view.core[(row + 2 * view.max_lag) * view.variables + b.variable];
  for (int u = range.head_begin; u < range.head_end; ++u)
    sum += x[u * view.position_stride] * z[(u - d) * view.position_stride];
  for (int u = range.tail_begin; u < range.tail_end; ++u)
    sum += x[u * view.position_stride] * z[(u - d) * view.position_stride];
  return sum * (view.inverse_length[ma] * view.inverse_length[mb]) -
         view.offset[ma] * view.offset[mb];
}

}  // namespace sovren::kernels
