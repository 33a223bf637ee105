// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <cstddef>
#include <vector>

#include "core/base/check.h"
#include "kernels/nn/attention.h"
#include "kernels/nn/attention_by_level.h"
#include "kernels/nn/level.h"
#include "kernels/nn/level/heads.h"

namespace sovren::nn {
namespace {

/// Cosines and sines of the pairs of a head at the positions 0 .. count: one such table for each
/// calling thread, which grows and is made again when theta or the width change.
class Angles {
 public:
  static const Angles& of_thread(double theta, int head_width, int count) {
    static thread_local Angles angles;
    if (angles.theta_ != theta || angles.half_ != head_width / 2) angles = Angles();
    angles.theta_ = theta;
    angles.half_ = head_width / 2;
    angles.grow(count);
    return angles;
  }
  const float* cosines(int position) const { return cosines_.data() + offset(position); }
  const float* sines(int position) const { return sines_.data() + offset(position); }

 private:
  std::ptrdiff_t offset(int position) const { return std::ptrdiff_t{position} * half_; }
  void grow(int count) {
    for (; count_ < count; ++count_)
      for (int pair = 0; pair < half_; ++pair) {
        const double turn = count_ * std::pow(theta_, -static_cast<double>(pair) / half_);
        cosines_.push_back(static_cast<float>(std::cos(turn)));
        sines_.push_back(static_cast<float>(std::sin(turn)));
      }
  }
  double theta_ = 0;
  int half_ = 0;
  int count_ = 0;
  std::vector<float> cosines_, sines_;
};

}  // namespace

void rotate(Level level, Team& team, const AttentionShape& shape, double theta, int first,
            Rotation rotation, float* qkv) {
  SOVREN_CHECK(shape.head_width % 2 == 0, "a head is made of pairs");
  constexpr std::int64_t rows = 16;  // that a thread takes at a time
  const HeadKernels& kernels = kernels_of<HeadKernels>(level);
  const Angles& angles = Angles::of_thread(theta, shape.head_width, first + shape.tokens);
  const float direction = rotation == Rotation::forward ? 1 : -1;
  const std::int64_t all = std::int64_t{shape.batch} * shape.tokens;
  team.run_blocks(all, rows, [&](std::int64_t row, std::int64_t end) {
    for (; row < end; ++row) {
      const int position = first + static_cast<int>(row % shape.tokens);
      kernels.rotate(shape.heads + shape.kv_heads, shape.head_width / 2, angles.cosines(position),
                     angles.sines(position), direction, qkv + row * shape.qkv_width());
    }
  });
}

void rotate(Team& team, const AttentionShape& shape, double theta, int first, Rotation rotation,
            float* qkv) {
  rotate(cpu_level(), team, shape, theta, first, rotation, qkv);
}

}  // namespace sovren::nn
