// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/causal/lag_view.h"

namespace sovren::kernels {

// The arithmetic of tests on a device. It is written against a Group of threads: rank() of size(),
// and sync(), which waits for all of them and shows each what the others wrote. On a device a group
// is a thread, a warp or a block; tests/unit/kernels/emulated_engine.h runs the same code on the
// CPU. Every thread of a group returns the same.

/// Below this pivot a device says "not a number", and the CPU tests again: above it a value differs
/// from the CPU's by about 1e-12 at most (error 1e-15 / pivot).
inline constexpr double device_pivot_min = 1e-3;

SOVREN_DEVICE double not_a_number() {
  return std::nan("");
}

/// A thread by itself.
struct Alone {
  SOVREN_DEVICE int rank() const { return 0; }
  SOVREN_DEVICE int size() const { return 1; }
  SOVREN_DEVICE void sync() const {}
};

/// Cholesky by rows of the matrix in rows solved .. solved + n - 1 of work (upper triangle, columns
/// 0 .. n-1 and any number of right-hand sides after them), less what the rows before explain.
/// Diagonals keep the pivot itself. False at a pivot below device_pivot_min.
template <class Group>
SOVREN_DEVICE bool eliminate(const Group& group, double* work, int stride, int solved, int n,
                             int width) {
  for (int i = 0; i < n; ++i) {
    double* const row = work + (solved + i) * stride;
    for (int c = i + group.rank(); c < width; c += group.size()) {
      double sum = row[c];
      for (int k = 0; k < solved + i; ++k) sum -= work[k * stride + i] * work[k * stride + c];
      row[c] = sum;
    }
    group.sync();
    const double pivot = row[i];
    if (!(pivot >= device_pivot_min)) return false;
    const double inverse_root = 1 / std::sqrt(pivot);
    for (int c = i + 1 + group.rank(); c < width; c += group.size()) row[c] *= inverse_root;
    group.sync();
  }
  return true;
}

/// Doubles of work that partial_by_group() needs.
SOVREN_BOTH constexpr std::size_t group_test_size(std::size_t nodes) {
  return nodes * (nodes - 1);
}

/// Partial correlation of the last two of `count` nodes given the others; not a number: the device
/// cannot say.
template <class Group>
SOVREN_DEVICE double partial_by_group(const Group& group, const LagView& view, const Node* nodes,
                                      int count, double* work) {
  const int n = count - 1;  // rows: Z and x; column n: y
  group.sync();             // whoever still reads work from the test before
  for (int at = group.rank(); at < n * count; at += group.size()) {
    const int row = at / count;
    const int column = at % count;
    if (column >= row) work[at] = correlation_of(view, nodes[row], nodes[column]);
  }
  group.sync();
  if (!eliminate(group, work, count, 0, n, count)) return not_a_number();
  double rest = 1;
  for (int i = 0; i + 1 < n; ++i) rest -= work[i * count + n] * work[i * count + n];
  const double last = work[(n - 1) * count + n];
  if (!(rest - last * last >= device_pivot_min)) return not_a_number();
  return last / std::sqrt(rest);
}

/// The same by one thread, for a number of nodes known when compiling: all in registers.
template <int count>
SOVREN_DEVICE double partial_in_registers(const LagView& view, const Node* nodes) {
  double l[count][count];
  bool is_sound = true;
  double rest = 1;
  SOVREN_UNROLL
  for (int i = 0; i < count; ++i) {
    SOVREN_UNROLL
    for (int j = 0; j <= i && j < count - 1; ++j) {
      double sum = correlation_of(view, nodes[i], nodes[j]);
      SOVREN_UNROLL
      for (int k = 0; k < j; ++k) sum -= l[i][k] * l[j][k];
      if (i == j) {
        is_sound = is_sound && sum >= device_pivot_min;
        l[i][i] = std::sqrt(sum);
      } else {
        l[i][j] = sum / l[j][j];
      }
    }
  }
  SOVREN_UNROLL
  for (int j = 0; j < count - 2; ++j) rest -= l[count - 1][j] * l[count - 1][j];
  const double last = l[count - 1][count - 2];
  if (!is_sound || !(rest - last * last >= device_pivot_min)) return not_a_number();
  return last / std::sqrt(rest);
}

/// The largest number of nodes of a test that one thread does in registers.
inline constexpr int register_nodes = 8;
/// The largest that one warp does; above it a block.
inline constexpr int warp_nodes = 32;

/// By one thread; count: 2 .. register_nodes.
SOVREN_DEVICE double partial_by_thread(const LagView& view, const Node* nodes, int count) {
  switch (count) {
    case 2:
      return partial_in_registers<2>(view, nodes);
    case 3:
      return partial_in_registers<3>(view, nodes);
    case 4:
      return partial_in_registers<4>(view, nodes);
    case 5:
      return partial_in_registers<5>(view, nodes);
    case 6:
      return partial_in_registers<6>(view, nodes);
    case 7:
      return partial_in_registers<7>(view, nodes);
    case register_nodes:
      return partial_in_registers<register_nodes>(view, nodes);
    default:
      return not_a_number();
  }
}

/// One PC1 pass of one target: candidates nodes[0 .. count-1], each tested given the first `level`
/// others. See SharedPasses (complete_tests.cpp), whose steps these are.
struct PassItem {
  Node target;
  int level = 0;
  int count = 0;
  std::size_t nodes = 0;    ///< where they begin in the batch's nodes, and their values in its out
  std::size_t scratch = 0;  ///< where its pass_size() doubles begin in the batch's scratch
};

/// Doubles of scratch: rows and two rests of every column, and the columns of an inverse.
SOVREN_BOTH constexpr std::size_t pass_size(std::size_t level, std::size_t count) {
  return level == 0 ? 0 : (level + 3) * (count + 1) + level * (level + 1);
}

/// rows := L^-1 C(first level + 1 candidates, all candidates and the target). Returns how many rows
/// were done before a pivot below device_pivot_min. rest: what they leave of each column;
/// rest_of_level: the same before the last row.
template <class Group>
SOVREN_DEVICE int factor_pass(const Group& group, const LagView& view, const PassItem& item,
                              const Node* nodes, double* rows, double* rest,
                              double* rest_of_level) {
  const int width = item.count + 1;
  for (int c = group.rank(); c < width; c += group.size()) rest[c] = 1;
  group.sync();
  for (int k = 0; k <= item.level; ++k) {
    const double pivot = rest[k];
    if (k == item.level)
      for (int c = group.rank(); c < width; c += group.size()) rest_of_level[c] = rest[c];
    if (!(pivot >= device_pivot_min)) return k;
    const double root = std::sqrt(pivot);
    double* const row = rows + static_cast<std::ptrdiff_t>(k) * width;
    for (int c = group.rank(); c < width; c += group.size()) {
      if (c < k) continue;
      double v = correlation_of(view, nodes[k], c < item.count ? nodes[c] : item.target);
      for (int s = 0; s < k; ++s) {
        const double* const other = rows + static_cast<std::ptrdiff_t>(s) * width;
        v -= other[c] * other[k];
      }
      row[c] = c == k ? root : v / root;
      if (c > k) rest[c] -= row[c] * row[c];
    }
    group.sync();
  }
  return item.level + 1;
}

/// out[c] := the partial correlation of candidate c; not a number: the device cannot say.
template <class Group>
SOVREN_DEVICE void run_pass(const Group& group, const LagView& view, const PassItem& item,
                            const Node* nodes, double* scratch, double* out) {
  const int p = item.level;
  const int y = item.count;
  const int width = y + 1;
  if (p == 0) {
    for (int c = group.rank(); c < y; c += group.size())
      out[c] = correlation_of(view, nodes[c], item.target);
    return;
  }
  double* const rows = scratch;
  double* const rest = rows + static_cast<std::ptrdiff_t>(p + 1) * width;
  double* const rest_of_level = rest + width;
  double* const solved = rest_of_level + width;  // (p, p + 1): columns of L^-1
  const int done = factor_pass(group, view, item, nodes, rows, rest, rest_of_level);
  group.sync();

  for (int c = p + group.rank(); c < y; c += group.size()) {
    out[c] = not_a_number();
    if (done < p || !(rest_of_level[c] >= device_pivot_min) ||
        !(rest_of_level[y] >= device_pivot_min))
      continue;
    double covariance = correlation_of(view, nodes[c], item.target);
    for (int k = 0; k < p; ++k) {
      const double* const row = rows + static_cast<std::ptrdiff_t>(k) * width;
      covariance -= row[c] * row[y];
    }
    const double value = covariance / std::sqrt(rest_of_level[c] * rest_of_level[y]);
    if (1 - value * value >= device_pivot_min) out[c] = value;
  }
  // The first p: regress the target on the first p + 1 at once; each coefficient is one test.
  for (int c = group.rank(); c < p; c += group.size()) {
    out[c] = not_a_number();
    if (done <= p || !(rest[y] >= device_pivot_min)) continue;
    double* const inverse = solved + static_cast<std::ptrdiff_t>(c) * (p + 1);
    double coefficient = 0;
    double squares = 0;
    for (int k = c; k <= p; ++k) {
      const double* const row = rows + static_cast<std::ptrdiff_t>(k) * width;
      double sum = k == c ? 1 : 0;
      for (int s = c; s < k; ++s)
        sum -= rows[static_cast<std::ptrdiff_t>(s) * width + k] * inverse[s];
      inverse[k] = sum / row[k];
      coefficient += inverse[k] * row[y];
      squares += inverse[k] * inverse[k];
    }
    if (!(1 / squares >= device_pivot_min)) continue;
    const double part = coefficient / std::sqrt(squares);
    out[c] = part / std::sqrt(part * part + rest[y]);
  }
}

}  // namespace sovren::kernels
