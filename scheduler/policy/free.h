// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "scheduler/policy/view.h"

namespace sovren::policy {

/// What is free on each node during one pass, in which it only gets less: a shape that has found no
/// place is not looked for again, nor one that asks more of a node than any has.
class Free {
 public:
  explicit Free(std::vector<Room> rooms);

  const std::vector<Room>& rooms() const { return rooms_; }
  const Room& operator[](int node) const { return rooms_[static_cast<std::size_t>(node)]; }
  /// There is less than before.
  void set(int node, const Room& room) { rooms_[static_cast<std::size_t>(node)] = room; }
  /// `wanted`: the shape of `ask`, or less of it, where limits leave no more.
  std::optional<Placement> find(const View& view, const Ask& ask, const Resources& wanted,
                                Growth growth, std::span<const int> nodes, Fit fit = Fit::tightest);

 private:
  std::vector<Room> rooms_;
  std::int64_t cpus_most_ = 0;       ///< free on one node when the pass began
  std::int64_t cpus_idle_most_ = 0;  ///< of an idle one
  std::vector<bool> has_failed_;     ///< by shape, on all nodes that it may run on
};

}  // namespace sovren::policy
