// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/tree_sum.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"
#include "kernels/nn/optimizer.h"

namespace sovren::jobs {

std::vector<float> TreeSum::room() {
  if (spare_.empty()) return std::vector<float>(static_cast<std::size_t>(size_));
  std::vector<float> room = std::move(spare_.back());
  spare_.pop_back();
  return room;
}

std::vector<float> TreeSum::zeros() {
  std::vector<float> zeros = room();
  std::fill(zeros.begin(), zeros.end(), 0.0F);
  return zeros;
}

void TreeSum::merge_last(nn::Team& team) {
  Part last = std::move(parts_.back());
  parts_.pop_back();
  nn::add_to(team, last.sum, parts_.back().sum);
  parts_.back().count += last.count;
  spare_.push_back(std::move(last.sum));
}

void TreeSum::push(nn::Team& team, Part part) {
  SOVREN_CHECK(static_cast<std::int64_t>(part.sum.size()) == size_, "a part has the sum's size");
  parts_.push_back(std::move(part));
  while (parts_.size() > 1) {
    const Part& left = parts_[parts_.size() - 2];
    const Part& right = parts_.back();
    SOVREN_CHECK(left.first + left.count == right.first, "parts come in order");
    if (left.count != right.count || left.first % (2 * left.count) != 0) break;
    merge_last(team);
  }
}

void TreeSum::close(nn::Team& team) {
  while (parts_.size() > 1) merge_last(team);
}

std::span<const float> TreeSum::sum() const {
  SOVREN_CHECK(parts_.size() <= 1, "the sum is closed");
  return parts_.empty() ? std::span<const float>() : parts_.front().sum;
}

void TreeSum::clear() {
  for (Part& part : parts_) spare_.push_back(std::move(part.sum));
  parts_.clear();
}

std::vector<std::int64_t> node_sizes(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t at = first; at < first + count; at += sizes.back()) {
    std::int64_t size = 1;
    while (at % (2 * size) == 0 && at + 2 * size <= first + count) size *= 2;
    sizes.push_back(size);
  }
  return sizes;
}

}  // namespace sovren::jobs
