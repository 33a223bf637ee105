// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/device/both.h"
#include "kernels/nn/device_ops.h"

namespace sovren::nn::device {

// Kernels are written as structs: grid() says how they are launched, operator()(thread, shared) is
// what each thread does. `thread` is a template parameter: on a device CudaThread
// (device_launch.h), in tests EmulatedThread (tests/unit/nn/emulated_device.h), so that the CPU
// runs every line.

struct Grid {
  std::int64_t x = 1, y = 1, z = 1;  ///< blocks; y, z <= 65535
  int threads = 32;                  ///< of a block; whole warps
  std::size_t shared = 0;            ///< bytes of shared memory
};

inline constexpr int warp_size = 32;

/// Eight bf16 that are read at once.
struct alignas(16) Pack {
  std::uint32_t words[4];
};

SOVREN_DEVICE float from_bits(std::uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
SOVREN_DEVICE std::uint32_t to_bits(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}

SOVREN_DEVICE float from_bf16(Bf16 x) {
  return from_bits(static_cast<std::uint32_t>(x) << 16);
}
SOVREN_DEVICE float low_of(std::uint32_t pair) {
  return from_bits(pair << 16);
}
SOVREN_DEVICE float high_of(std::uint32_t pair) {
  return from_bits(pair & 0xFFFF0000U);
}

/// Two numbers as bf16, to the nearest, halves to even; NaN stays NaN.
SOVREN_DEVICE std::uint32_t pack_bf16(float low, float high) {
#ifdef __CUDA_ARCH__
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#else
  const auto round = [](float x) -> std::uint32_t {
    const std::uint32_t bits = to_bits(x);
    if (x != x) return bits >> 16 | 0x40;
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
  };
  return round(low) | round(high) << 16;
#endif
}
SOVREN_DEVICE Bf16 to_bf16(float x) {
  return static_cast<Bf16>(pack_bf16(x, 0));
}

/// 2^x within 2 units in the last place of fp32; 0 where the result is subnormal.
SOVREN_DEVICE float exp2_of(float x) {
#ifdef __CUDA_ARCH__
  float y;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
#else
  return std::exp2(x);
#endif
}
/// 1 / x within 2 units in the last place; 0 for |x| > 2^126.
SOVREN_DEVICE float reciprocal(float x) {
#ifdef __CUDA_ARCH__
  return __fdividef(1.0F, x);
#else
  return 1 / x;
#endif
}

inline constexpr float log2_e = 1.44269504F;
inline constexpr float log_2 = 0.693147181F;

/// 1 / (1 + e^-x).
SOVREN_DEVICE float sigmoid(float x) {
  return reciprocal(1 + exp2_of(-log2_e * x));
}

/// How a row of bf16 is read and written, eight neighbours at a time: at once where the row begins
/// at 16 bytes and has all eight, else one by one.
struct Packs {
  std::int64_t width;
  bool is_aligned;

  SOVREN_BOTH std::int64_t count() const { return (width + 7) / 8; }
  SOVREN_BOTH bool has(std::int64_t column) const { return column < width; }

  /// Elements 8 pack .. 8 pack + 7 of a row; 0 beyond its end.
  SOVREN_DEVICE void load(const Bf16* row, std::int64_t pack, float (&x)[8]) const;
  SOVREN_DEVICE void store(Bf16* row, std::int64_t pack, const float (&x)[8]) const;

 private:
  SOVREN_BOTH bool is_whole(std::int64_t pack) const { return is_aligned && 8 * pack + 8 <= width; }
};

/// Of rows that follow each other.
SOVREN_BOTH inline Packs row_packs(std::int64_t width) {
  return {width, width % 8 == 0};
}
/// Of an array that is one row.
SOVREN_BOTH inline Packs array_packs(std::int64_t size) {
  return {size, true};
}

SOVREN_DEVICE void unpack(const Pack& pack, float (&x)[8]) {
  SOVREN_UNROLL
  for (int i = 0; i < 4; ++i) {
    x[2 * i] = low_of(pack.words[i]);
    x[2 * i + 1] = high_of(pack.words[i]);
  }
}
SOVREN_DEVICE Pack packed(const float (&x)[8]) {
  Pack pack;
  SOVREN_UNROLL
  for (int i = 0; i < 4; ++i) pack.words[i] = pack_bf16(x[2 * i], x[2 * i + 1]);
  return pack;
}

SOVREN_DEVICE void Packs::load(const Bf16* row, std::int64_t pack, float (&x)[8]) const {
  if (is_whole(pack)) {
    unpack(reinterpret_cast<const Pack*>(row)[pack], x);
    return;
  }
  SOVREN_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::int64_t at = 8 * pack + i;
    x[i] = has(at) ? from_bf16(row[at]) : 0;
  }
}

SOVREN_DEVICE void Packs::store(Bf16* row, std::int64_t pack, const float (&x)[8]) const {
  if (is_whole(pack)) {
    reinterpret_cast<Pack*>(row)[pack] = packed(x);
    return;
  }
  SOVREN_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::int64_t at = 8 * pack + i;
    if (has(at)) row[at] = to_bf16(x[i]);
  }
}

/// Dropout of eight elements that follow each other from `element` on.
SOVREN_DEVICE void drop(const Dropout& dropout, std::uint64_t element, float (&x)[8]) {
  const Philox philox(dropout.seed, dropout.stream);
  const std::uint32_t threshold = dropout.threshold();
  const float scale = dropout.scale();
  std::uint64_t drawn = element / 4;
  Philox::Block block = philox.block(drawn);
  SOVREN_UNROLL
  for (int i = 0; i < 8; ++i) {
    const std::uint64_t at = element + static_cast<std::uint64_t>(i);
    if (at / 4 != drawn) {
      drawn = at / 4;
      block = philox.block(drawn);
    }
    // Not block[at % 4]: an index that is not known when compiling would put it in memory.
    const std::uint64_t word = at % 4;
    const std::uint32_t draw = word == 0   ? block[0]
                               : word == 1 ? block[1]
                               : word == 2 ? block[2]
                                           : block[3];
    x[i] = draw < threshold ? 0 : x[i] * scale;
  }
}

/// Over the lanes of a warp; all lanes get the same bits.
template <class Thread, class Number>
SOVREN_DEVICE Number sum_warp(const Thread& thread, Number x) {
  SOVREN_UNROLL
  for (int mask = 16; mask > 0; mask /= 2) x += thread.shuffle_xor(x, mask);
  return x;
}

/// Shared memory for the sums of a block, a number per warp. Each sum takes the half that the one
/// before did not, so that one wait is enough.
template <class Number>
struct SumSlots {
  static constexpr std::size_t bytes = 2 * warp_size * sizeof(Number);
  Number* now;
  Number* other;

  SOVREN_DEVICE explicit SumSlots(void* shared)
      : now(static_cast<Number*>(shared)), other(now + warp_size) {}
  SOVREN_DEVICE Number* next() {
    Number* const taken = now;
    now = other;
    other = taken;
    return taken;
  }
};

/// Over the threads of a block, warp by warp; all threads get the same bits.
template <class Thread, class Number>
SOVREN_DEVICE Number sum_block(const Thread& thread, Number x, SumSlots<Number>& slots) {
  Number* const sums = slots.next();
  x = sum_warp(thread, x);
  if (thread.lane() == 0) sums[thread.warp()] = x;
  thread.sync();
  Number total = 0;
  for (int warp = 0; warp < thread.warps(); ++warp) total += sums[warp];
  return total;
}
/// The largest; NaN is passed over.
template <class Thread>
SOVREN_DEVICE float largest_of_block(const Thread& thread, float x, SumSlots<float>& slots) {
  float* const values = slots.next();
  SOVREN_UNROLL
  for (int mask = 16; mask > 0; mask /= 2) x = std::fmax(x, thread.shuffle_xor(x, mask));
  if (thread.lane() == 0) values[thread.warp()] = x;
  thread.sync();
  float largest = values[0];
  for (int warp = 1; warp < thread.warps(); ++warp) largest = std::fmax(largest, values[warp]);
  return largest;
}

}  // namespace sovren::nn::device
