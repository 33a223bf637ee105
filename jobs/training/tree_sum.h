// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/nn/team.h"

namespace sovren::jobs {

/// The sum of numbered vectors by a fixed binary tree: node (level, i) is the sum of nodes
/// (level - 1, 2 i) and (level - 1, 2 i + 1), where the second may be missing at the end. So the
/// bits depend on the vectors and their numbers alone, whoever adds which.
///
/// Model    Parts arrive in the order of their numbers, each a whole node of the tree; two that are
///          the halves of a node become one at once, so at most one part per level is kept.
class TreeSum {
 public:
  /// The sum of vectors first .. first + count. count: a power of two, or what is left at the end.
  struct Part {
    std::int64_t first = 0;
    std::int64_t count = 0;
    std::vector<float> sum;
  };

  explicit TreeSum(std::int64_t size) : size_(size) {}

  /// Room for the next part: all 0, or with anything in it.
  std::vector<float> zeros();
  std::vector<float> room();
  void push(nn::Team& team, Part part);
  /// Nothing more comes: adds the parts that are left, the last two first.
  void close(nn::Team& team);
  const std::vector<Part>& parts() const { return parts_; }
  /// After close(); empty if nothing came.
  std::span<const float> sum() const;
  void clear();
  std::int64_t size() const { return size_; }

 private:
  void merge_last(nn::Team& team);

  std::int64_t size_;
  std::vector<Part> parts_;
  std::vector<std::vector<float>> spare_;  ///< used once, and to be used again
};

/// The fewest nodes of the tree that make up vectors first .. first + count, in order.
std::vector<std::int64_t> node_sizes(std::int64_t first, std::int64_t count);

}  // namespace sovren::jobs
