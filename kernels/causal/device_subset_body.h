// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <type_traits>

#include "kernels/causal/device_body.h"
#include "kernels/causal/subset_rank.h"

namespace sovren::kernels {

/// No subset.
inline constexpr std::uint64_t no_rank = ~std::uint64_t{0};
/// Ranks that a device cannot judge which an answer has room for.
inline constexpr int unsure_places = 8;

/// x and y tested given `base` and each subset of `size` nodes of a list, from rank first up to the
/// first that separates.
struct SubsetItem {
  Node x;
  Node y;
  std::size_t base = 0;  ///< where they begin in the batch's nodes
  std::size_t list = 0;
  int base_count = 0;
  int list_count = 0;
  int size = 0;
  std::uint64_t first = 0;  ///< ranks
  std::uint64_t last = 0;   ///< one past
  double critical = 0;      ///< |value| at most this: separated
  double margin = 0;        ///< nearer to it than this, the CPU decides

  SOVREN_BOTH int nodes() const { return base_count + size + 2; }
};

struct SubsetAnswer {
  std::uint64_t separating = no_rank;  ///< the smallest rank that surely separates
  double separating_value = 0;
  /// The value nearest to 0 of those that surely do not separate, and its rank. All of them are
  /// seen when nothing separates; otherwise an unknown part of those above `separating` too.
  std::uint64_t weakest = no_rank;
  double weakest_value = 0;
  std::int32_t unsure_count = 0;  ///< may be more than there are places
  std::uint64_t unsure[unsure_places] = {};

  /// A worker's or another device's findings join.
  SOVREN_DEVICE void take(const SubsetAnswer& other) {
    if (other.separating < separating) {
      separating = other.separating;
      separating_value = other.separating_value;
    }
    const double a = std::fabs(weakest_value);
    const double b = std::fabs(other.weakest_value);
    if (other.weakest != no_rank &&
        (weakest == no_rank || b < a || (b == a && other.weakest < weakest))) {
      weakest = other.weakest;
      weakest_value = other.weakest_value;
    }
  }
};

/// What the workers of one pair share.
struct SubsetShared {
  std::uint64_t separating = no_rank;
  std::int32_t unsure_count = 0;
  std::uint64_t unsure[unsure_places] = {};
};

/// Bytes of shared memory that a pair needs when its workers are warps or a block.
constexpr std::size_t search_bytes(std::size_t workers, std::size_t nodes) {
  return sizeof(SubsetShared) + workers * (8 * group_test_size(nodes) + sizeof(SubsetAnswer) +
                                           nodes * (sizeof(Node) + sizeof(int)));
}

/// A worker's own memory: nodes() nodes, size + 1 places, and group_test_size() doubles where a
/// worker is more than one thread.
struct SubsetWork {
  Node* nodes;
  int* places;
  double* matrix;  ///< not read by a thread alone: its test is in registers
};

/// One of `workers`, a Group each, that share the ranks of a pair by turns. A worker leaves out
/// only ranks above one that separates, so the smallest of those is found whoever is faster.
/// Atomics: lower(p, v), add(p) and read(p) on the shared memory of the pair.
template <class Atomics, class Group>
SOVREN_DEVICE void search_subsets(const Group& group, int worker, int workers, const LagView& view,
                                  const SubsetItem& item, const Node* pool, const SubsetWork& work,
                                  SubsetShared& shared, SubsetAnswer& found) {
  const int z_count = item.base_count + item.size;
  for (std::uint64_t rank = item.first + static_cast<std::uint64_t>(worker); rank < item.last;
       rank += static_cast<std::uint64_t>(workers)) {
    group.sync();  // whoever still reads the nodes of the test before
    if (group.rank() == 0) {
      work.places[item.size] = rank > Atomics::read(shared.separating) ? 1 : 0;
      subset_of_rank(rank, item.list_count, item.size, work.places);
      for (int k = 0; k < item.base_count; ++k)
        work.nodes[k] = pool[item.base + static_cast<std::size_t>(k)];
      for (int k = 0; k < item.size; ++k)
        work.nodes[item.base_count + k] =
            pool[item.list + static_cast<std::size_t>(work.places[k])];
      work.nodes[z_count] = item.x;
      work.nodes[z_count + 1] = item.y;
    }
    group.sync();
    if (work.places[item.size] != 0) return;
    double value = 0;
    if constexpr (std::is_same_v<Group, Alone>)
      value = partial_by_thread(view, work.nodes, item.nodes());
    else
      value = partial_by_group(group, view, work.nodes, item.nodes(), work.matrix);
    if (group.rank() != 0) continue;
    const double size = std::fabs(value);
    if (!(std::fabs(size - item.critical) >= item.margin)) {
      const int place = Atomics::add(shared.unsure_count);
      if (place < unsure_places) shared.unsure[place] = rank;
    } else if (size <= item.critical) {
      Atomics::lower(shared.separating, rank);
      found.take({.separating = rank, .separating_value = value});
    } else {
      found.take({.weakest = rank, .weakest_value = value});
    }
  }
}

}  // namespace sovren::kernels
