// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_pointwise_body.h"
#include "kernels/nn/level/optimizer.h"

// The optimizer's operations of device_ops.h.
namespace sovren::nn::device {

/// Four fp32 that are read at once.
struct alignas(16) Quad {
  float x[4];
};

/// Elements 4 quad .. 4 quad + 3 of an array; 0 beyond its end.
SOVREN_DEVICE Quad load_quad(const float* from, std::int64_t quad, std::int64_t size) {
  if (4 * quad + 4 <= size) return reinterpret_cast<const Quad*>(from)[quad];
  Quad value{};
  SOVREN_UNROLL
  for (int i = 0; i < 4; ++i)
    if (4 * quad + i < size) value.x[i] = from[4 * quad + i];
  return value;
}
SOVREN_DEVICE void store_quad(float* to, std::int64_t quad, std::int64_t size, const Quad& value) {
  if (4 * quad + 4 <= size) {
    reinterpret_cast<Quad*>(to)[quad] = value;
    return;
  }
  SOVREN_UNROLL
  for (int i = 0; i < 4; ++i)
    if (4 * quad + i < size) to[4 * quad + i] = value.x[i];
}
SOVREN_DEVICE void round_quad(Bf16* to, std::int64_t quad, std::int64_t size, const Quad& value) {
  SOVREN_UNROLL
  for (int i = 0; i < 4; i += 2) {
    const std::int64_t at = 4 * quad + i;
    const std::uint32_t pair = pack_bf16(value.x[i], value.x[i + 1]);
    if (at + 1 < size)
      reinterpret_cast<std::uint32_t*>(to)[at / 2] = pair;
    else if (at < size)
      to[at] = static_cast<Bf16>(pair);
  }
}
inline Grid grid_of_quads(std::int64_t size) {
  return {.x = blocks_for(size, 4 * pack_threads), .threads = pack_threads};
}

/// Operation for operation what level/optimizer.cpp does.
struct UpdateAdamW {
  static constexpr int most_threads = pack_threads;
  AdamWFactors factors;
  std::int64_t size;
  float* parameters;
  const float* gradient;
  float* m;
  float* v;
  Bf16* copy;  ///< null: none

  Grid grid() const { return grid_of_quads(size); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const std::int64_t quad = index_in_grid(thread);
    if (4 * quad >= size) return;
    const Quad g = load_quad(gradient, quad, size);
    Quad p = load_quad(parameters, quad, size);
    Quad first = load_quad(m, quad, size);
    Quad second = load_quad(v, quad, size);
    SOVREN_UNROLL
    for (int i = 0; i < 4; ++i) {
      const float slope = g.x[i] * factors.gradient_scale;
      first.x[i] = std::fma(first.x[i], factors.beta1, factors.rest1 * slope);
      second.x[i] = std::fma(second.x[i], factors.beta2, factors.rest2 * slope * slope);
      const float by =
          first.x[i] / std::fma(std::sqrt(second.x[i]), factors.inverse_root, factors.epsilon);
      p.x[i] = p.x[i] * factors.keep - factors.step_size * by;
    }
    store_quad(parameters, quad, size, p);
    store_quad(m, quad, size, first);
    store_quad(v, quad, size, second);
    if (copy != nullptr) round_quad(copy, quad, size, p);
  }
};

/// A block of threads for each block of elements.
struct BlockSquares {
  static constexpr int most_threads = pack_threads;
  std::int64_t size;
  const float* values;
  double* squares;

  Grid grid() const {
    return {.x = blocks_for(size, norm_block),
            .threads = pack_threads,
            .shared = SumSlots<double>::bytes};
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    SumSlots<double> slots(shared);
    const std::int64_t first = thread.block_x() * (norm_block / 4) + thread.index();
    double sum = 0;
    for (std::int64_t quad = first; quad < (thread.block_x() + 1) * (norm_block / 4);
         quad += pack_threads) {
      if (4 * quad >= size) break;
      const Quad value = load_quad(values, quad, size);
      SOVREN_UNROLL
      for (int i = 0; i < 4; ++i) sum += static_cast<double>(value.x[i]) * value.x[i];
    }
    sum = sum_block(thread, sum, slots);
    if (thread.index() == 0) squares[thread.block_x()] = sum;
  }
};

struct AddTo {
  static constexpr int most_threads = pack_threads;
  std::int64_t size;
  const float* from;
  float* to;

  Grid grid() const { return grid_of_quads(size); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const std::int64_t quad = index_in_grid(thread);
    if (4 * quad >= size) return;
    const Quad other = load_quad(from, quad, size);
    Quad sum = load_quad(to, quad, size);
    SOVREN_UNROLL
    for (int i = 0; i < 4; ++i) sum.x[i] += other.x[i];
    store_quad(to, quad, size, sum);
  }
};

struct RoundToBf16 {
  static constexpr int most_threads = pack_threads;
  std::int64_t size;
  const float* from;
  Bf16* to;

  Grid grid() const { return grid_of_quads(size); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const std::int64_t quad = index_in_grid(thread);
    if (4 * quad < size) round_quad(to, quad, size, load_quad(from, quad, size));
  }
};

}  // namespace sovren::nn::device
