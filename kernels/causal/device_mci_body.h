// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/causal/device_body.h"

namespace sovren::kernels {

// MCI on a device: the steps of MciPanel (mci_panel.h), where the meaning of the arrays is told.

/// A target and what its tests share. Offsets are into the batch's scratch, in doubles, and into
/// its places.
struct MciTarget {
  Node y;
  std::size_t parents = 0;  ///< where its parents begin in the batch's nodes
  int parent_count = 0;
  std::size_t panel = 0;   ///< panel_size() doubles
  std::size_t places = 0;  ///< one int per column: its place among the parents, or -1
  std::size_t out = 0;     ///< where its row begins in the batch's out
};

/// The part of all tests of one (source, lag) that does not depend on the target: the source's
/// parents moved back by lag, then the source itself.
struct MciSide {
  std::size_t nodes = 0;  ///< where they begin in the batch's nodes
  int count = 0;
  std::size_t block = 0;  ///< into the batch's blocks: their correlations, upper triangle by rows
  std::size_t entry = 0;  ///< of the row
};

/// What a test found. conditions: |Z|; -1: nothing was computed.
struct MciValue {
  double value = 0;
  std::int32_t conditions = -1;
};

/// Doubles of a panel: a solved column for each lagged variable, the inverse factor of the parents,
/// and what they leave of y (0 when they are ill-conditioned).
SOVREN_BOTH constexpr std::size_t panel_size(std::size_t parents, std::size_t columns) {
  return (parents + 1) * columns + parents * parents + 1;
}
SOVREN_BOTH constexpr std::size_t block_size(std::size_t count) {
  return count * (count + 1) / 2;
}
/// Doubles of work of a test; and ints, which follow them.
SOVREN_BOTH constexpr std::size_t mci_work_size(std::size_t parents, std::size_t count) {
  return (parents + count) * (count + 2);
}
SOVREN_BOTH constexpr std::size_t mci_work_ints(std::size_t count) {
  return 2 * count + 1;
}
SOVREN_BOTH constexpr std::size_t mci_work_bytes(std::size_t parents, std::size_t count) {
  return 8 * (mci_work_size(parents, count) + (mci_work_ints(count) + 1) / 2);
}

SOVREN_DEVICE std::ptrdiff_t column_of(const LagView& view, Node node) {
  return moment_index(view, node);
}

template <class Group>
SOVREN_DEVICE void make_block(const Group& group, const LagView& view, const Node* nodes, int count,
                              double* block) {
  for (int at = group.rank(); at < count * count; at += group.size()) {
    const int a = at / count;
    const int b = at % count;
    if (b >= a)
      block[a * count - a * (a - 1) / 2 + (b - a)] = correlation_of(view, nodes[a], nodes[b]);
  }
}

/// L^-1 C(P, all columns), a row at a time; last what P leaves of the correlations with y. False at
/// a pivot below device_pivot_min.
template <class Group>
SOVREN_DEVICE bool solve_panel(const Group& group, const LagView& view, Node y, const Node* parents,
                               int parent_count, double* columns) {
  const int width = parent_count + 1;
  const int column_count = view.variables * (2 * view.max_lag + 1);
  for (int k = 0; k <= parent_count; ++k) {
    const Node node = k < parent_count ? parents[k] : y;
    const double* const own = columns + column_of(view, node) * width;
    for (int c = group.rank(); c < column_count; c += group.size()) {
      double* const column = columns + static_cast<std::ptrdiff_t>(c) * width;
      double v = correlation_of(view, node, {c % view.variables, c / view.variables});
      // own[s] of this very column is not written here: s < k
      for (int s = 0; s < k; ++s) v -= column[s] * own[s];
      column[k] = v;
    }
    group.sync();
    const double pivot = own[k];
    if (!(pivot >= device_pivot_min)) return false;
    group.sync();  // all have read the pivot
    if (k == parent_count) break;
    const double root = std::sqrt(pivot);
    for (int c = group.rank(); c < column_count; c += group.size())
      columns[static_cast<std::ptrdiff_t>(c) * width + k] /= root;
    group.sync();
  }
  return true;
}

template <class Group>
SOVREN_DEVICE void make_panel(const Group& group, const LagView& view, const MciTarget& target,
                              const Node* parents, double* panel, int* places) {
  const int p = target.parent_count;
  const int width = p + 1;
  const int column_count = view.variables * (2 * view.max_lag + 1);
  double* const inverse = panel + static_cast<std::ptrdiff_t>(column_count) * width;
  double* const rest_y = inverse + static_cast<std::ptrdiff_t>(p) * p;
  for (int c = group.rank(); c < column_count; c += group.size()) places[c] = -1;
  group.sync();
  for (int k = group.rank(); k < p; k += group.size()) places[column_of(view, parents[k])] = k;
  if (!solve_panel(group, view, target.y, parents, p, panel)) {
    if (group.rank() == 0) *rest_y = 0;
    return;
  }
  if (group.rank() == 0) *rest_y = panel[column_of(view, target.y) * width + p];
  // L[i][k], i > k, stands in the column of parent i at k.
  for (int c = group.rank(); c < p; c += group.size()) {
    for (int k = 0; k < c; ++k) inverse[k * p + c] = 0;
    for (int k = c; k < p; ++k) {
      const double* const l = panel + column_of(view, parents[k]) * width;
      double sum = k == c ? 1 : 0;
      for (int s = c; s < k; ++s) sum -= l[s] * inverse[s * p + c];
      inverse[k * p + c] = sum / l[k];
    }
  }
}

/// kept[0 .. n-1] := the places in the side of the nodes that are no parents of the target. Returns
/// n. Nobody counts alone: each looks at the flags of those before its own.
template <class Group>
SOVREN_DEVICE int keep_new(const Group& group, const LagView& view, const Node* side, int count,
                           const int* places, int* is_parent, int* kept) {
  for (int c = group.rank(); c < count; c += group.size())
    is_parent[c] = places[column_of(view, side[c])] >= 0 ? 1 : 0;
  group.sync();
  int total = 0;
  for (int c = 0; c < count; ++c) {
    if (is_parent[c] != 0) continue;
    if (c % group.size() == group.rank()) kept[total] = c;
    ++total;
  }
  group.sync();
  return total;
}

/// The last node of a side against the target, given the others and the target's parents. work:
/// mci_work_size() doubles, then mci_work_ints() ints.
template <class Group>
SOVREN_DEVICE MciValue test_mci(const Group& group, const LagView& view, const MciTarget& target,
                                const double* panel, const int* places, const Node* side, int count,
                                const double* block, double* work) {
  const int p = target.parent_count;
  const int width = p + 1;
  const double* const inverse =
      panel + static_cast<std::ptrdiff_t>(view.variables) * (2 * view.max_lag + 1) * width;
  const double rest = inverse[static_cast<std::ptrdiff_t>(p) * p];
  if (!(rest >= device_pivot_min)) return {not_a_number(), 0};
  int* const is_parent = reinterpret_cast<int*>(
      work + mci_work_size(static_cast<std::size_t>(p), static_cast<std::size_t>(count)));
  int* const kept = is_parent + count;
  group.sync();  // whoever still reads work from the test before
  const int n = keep_new(group, view, side, count, places, is_parent, kept);
  const int parent = places[column_of(view, side[count - 1])];  // x itself may be one
  const int stride = n + (parent < 0 ? 1 : 2);
  const double* const of_y = panel + column_of(view, target.y) * width;  // L^-1 C(P, y)

  for (int at = group.rank(); at < p * n; at += group.size()) {
    const int c = at / p;
    const int k = at % p;
    work[k * stride + c] = panel[column_of(view, side[kept[c]]) * width + k];
  }
  for (int k = group.rank(); k < p; k += group.size()) {
    work[k * stride + n] = 0;
    if (parent >= 0) work[k * stride + n + 1] = k < parent ? 0 : inverse[k * p + parent];
  }
  for (int at = group.rank(); at < n * n; at += group.size()) {
    const int a = at / n;
    const int b = at % n;
    const int first = kept[a];
    if (b >= a)
      work[(p + a) * stride + b] = block[first * count - first * (first - 1) / 2 + kept[b] - first];
  }
  for (int a = group.rank(); a < n; a += group.size()) {
    work[(p + a) * stride + n] = panel[column_of(view, side[kept[a]]) * width + p];
    if (parent >= 0) work[(p + a) * stride + n + 1] = 0;
  }
  group.sync();
  if (!eliminate(group, work, stride, p, n, stride)) return {not_a_number(), p + n - 1};

  const double* const below = work + p * stride + n;
  if (parent < 0) {
    double rest_y = rest;
    for (int i = 0; i + 1 < n; ++i) rest_y -= below[i * stride] * below[i * stride];
    const double last = below[(n - 1) * stride];
    if (!(rest_y - last * last >= device_pivot_min)) return {not_a_number(), p + n - 1};
    return {last / std::sqrt(rest_y), p + n - 1};
  }
  double coefficient = 0;
  double squares = 0;
  for (int k = parent; k < p; ++k) {
    const double u = inverse[k * p + parent];
    coefficient += u * of_y[k];
    squares += u * u;
  }
  double unexplained = rest;
  for (int i = 0; i < n; ++i) {
    const double with_y = below[i * stride];
    const double u = below[i * stride + 1];
    coefficient += u * with_y;
    squares += u * u;
    unexplained -= with_y * with_y;
  }
  if (!(unexplained >= device_pivot_min) || !(1 / squares >= device_pivot_min))
    return {not_a_number(), p + n - 1};
  const double part = coefficient / std::sqrt(squares);
  return {part / std::sqrt(part * part + unexplained), p + n - 1};
}

}  // namespace sovren::kernels
