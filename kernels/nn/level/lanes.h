// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

/// How a loop over vectors reads and writes: whole ones, and the one at the end, whose missing
/// lanes are 0.
struct WholeLanes {
  F16 only(F16 a) const { return a; }
  F16 load(const float* from) const { return F16::load(from); }
  void store(F16 a, float* to) const { a.store(to); }
};
struct SomeLanes {
  int count;
  F16 load(const float* from) const { return F16::load_some(from, count); }
  void store(F16 a, float* to) const { a.store_some(to, count); }
  /// a with 0 in the missing lanes.
  F16 only(F16 a) const {
    float lanes[16];
    a.store(lanes);
    return F16::load_some(lanes, count);
  }
};

/// body(lanes, i) for i = 0, 16, ...: all of `size` elements.
template <class Body>
inline void by_lanes(std::int64_t size, const Body& body) {
  std::int64_t i = 0;
  for (; i + 16 <= size; i += 16) body(WholeLanes{}, i);
  if (i < size) body(SomeLanes{static_cast<int>(size - i)}, i);
}

}  // namespace sovren::nn::SOVREN_LEVEL
