// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

namespace sovren::nn {

/// Sixteen floats at a multiple of 64 bytes: vectors of them begin at a line of the cache, so that
/// loads of whole rows do not straddle two.
struct alignas(64) Line {
  float lane[16];
};

/// A thread's memory to work in: grows to the largest need and stays, so that a kernel's parts
/// allocate once per thread. What it holds is whatever was left there.
///
/// Owner    of_thread() belongs to the thread; what take() gave is good until the next reserve().
class Scratch {
 public:
  static Scratch& of_thread() {
    static thread_local Scratch scratch;
    return scratch;
  }
  /// Room for `floats` in pieces that take() gives out; each piece is rounded up to a line.
  void reserve(std::int64_t floats, int pieces) {
    const auto lines = static_cast<std::size_t>(floats / line + pieces);
    if (lines_.size() < lines) lines_.resize(lines);
    taken_ = 0;
  }
  /// At a multiple of 64 bytes.
  float* take(std::int64_t floats) {
    float* piece = lines_[taken_].lane;
    taken_ += static_cast<std::size_t>((floats + line - 1) / line);
    return piece;
  }

 private:
  static constexpr std::int64_t line = 16;
  std::vector<Line> lines_;
  std::size_t taken_ = 0;
};

}  // namespace sovren::nn
