// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>

namespace sovren::trace {

/// Four floats side by side (GCC and clang make them one register). Functions here are static: a
/// source that is compiled for another processor has its own.
typedef float F4 __attribute__((vector_size(16)));

[[maybe_unused]] static inline F4 min(F4 a, F4 b) {
  return a < b ? a : b;
}
[[maybe_unused]] static inline F4 max(F4 a, F4 b) {
  return a > b ? a : b;
}
[[maybe_unused]] static inline F4 all4(float x) {
  return F4{x, x, x, x};
}
[[maybe_unused]] static inline F4 load4(const float* from) {
  F4 v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

/// A box: x, y, z and a lane of no meaning.
struct Box4 {
  F4 low, high;
  static Box4 nothing() {
    constexpr float infinity = __builtin_inff();
    return {all4(infinity), all4(-infinity)};
  }
  void grow(F4 point) {
    low = min(low, point);
    high = max(high, point);
  }
  void grow(const Box4& box) {
    low = min(low, box.low);
    high = max(high, box.high);
  }
  /// Half its surface; below 0 for none.
  float half_area() const {
    const F4 d = high - low;
    return d[0] < 0 ? -1.0F : d[0] * (d[1] + d[2]) + d[1] * d[2];
  }
};

}  // namespace sovren::trace
