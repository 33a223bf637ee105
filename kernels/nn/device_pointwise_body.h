// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_math.h"
#include "kernels/nn/device_sizes.h"

// Kernels of device_ops.h in which each thread makes eight neighbours of the result.
namespace sovren::nn::device {

inline constexpr int pack_threads = 256;

inline Grid grid_of_packs(std::int64_t packs) {
  return {.x = blocks_for(packs, pack_threads), .threads = pack_threads};
}

template <class Thread>
SOVREN_DEVICE std::int64_t index_in_grid(const Thread& thread) {
  return thread.block_x() * thread.threads() + thread.index();
}

/// y = x + dropout of branch; x null: dropout of branch.
struct AddResidual {
  static constexpr int most_threads = pack_threads;
  std::int64_t rows, width;
  const Bf16* x;
  const Bf16* branch;
  const Dropout* dropout;
  Bf16* y;

  Grid grid() const { return grid_of_packs(array_packs(rows * width).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = array_packs(rows * width);
    const std::int64_t pack = index_in_grid(thread);
    if (pack >= packs.count()) return;
    float sum[8];
    packs.load(branch, pack, sum);
    if (dropout != nullptr)
      drop(*dropout, static_cast<std::uint64_t>(dropout->first_row * width + 8 * pack), sum);
    if (x != nullptr) {
      float before[8];
      packs.load(x, pack, before);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) sum[i] += before[i];
    }
    packs.store(y, pack, sum);
  }
};

inline constexpr float gelu_scale = 0.797884561F;  // sqrt(2 / pi)
inline constexpr float gelu_cubic = 0.044715F;

// 0.5 (1 + tanh u) = 1 / (1 + e^-2u): no tanh is needed.
SOVREN_DEVICE float gelu_of(float x) {
  return x * sigmoid(2 * gelu_scale * x * (1 + gelu_cubic * x * x));
}
SOVREN_DEVICE float gelu_slope(float x) {
  const float part = sigmoid(2 * gelu_scale * x * (1 + gelu_cubic * x * x));
  return part + x * part * (1 - part) * 2 * gelu_scale * (1 + 3 * gelu_cubic * x * x);
}

/// y = gelu(x); d_y given: y = d_y gelu'(x).
struct Gelu {
  static constexpr int most_threads = pack_threads;
  std::int64_t size;
  const Bf16* x;
  const Bf16* d_y;
  Bf16* y;

  Grid grid() const { return grid_of_packs(array_packs(size).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = array_packs(size);
    const std::int64_t pack = index_in_grid(thread);
    if (pack >= packs.count()) return;
    float value[8];
    packs.load(x, pack, value);
    if (d_y == nullptr) {
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) value[i] = gelu_of(value[i]);
    } else {
      float slope[8];
      packs.load(d_y, pack, slope);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) value[i] = slope[i] * gelu_slope(value[i]);
    }
    packs.store(y, pack, value);
  }
};

/// y (rows, hidden) = silu(gate) up, of x (rows, [gate | up]).
struct SwigluForward {
  static constexpr int most_threads = pack_threads;
  std::int64_t rows, hidden;
  const Bf16* x;
  Bf16* y;

  Grid grid() const { return grid_of_packs(rows * row_packs(hidden).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = row_packs(hidden);
    const std::int64_t row = index_in_grid(thread) / packs.count();
    const std::int64_t pack = index_in_grid(thread) % packs.count();
    if (row >= rows) return;
    float gate[8], up[8];
    packs.load(x + 2 * row * hidden, pack, gate);
    packs.load(x + (2 * row + 1) * hidden, pack, up);
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) up[i] *= gate[i] * sigmoid(gate[i]);
    packs.store(y + row * hidden, pack, up);
  }
};

struct SwigluBackward {
  static constexpr int most_threads = pack_threads;
  std::int64_t rows, hidden;
  const Bf16* x;
  const Bf16* d_y;
  Bf16* d_x;

  Grid grid() const { return grid_of_packs(rows * row_packs(hidden).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = row_packs(hidden);
    const std::int64_t row = index_in_grid(thread) / packs.count();
    const std::int64_t pack = index_in_grid(thread) % packs.count();
    if (row >= rows) return;
    float gate[8], up[8], slope[8];
    packs.load(x + 2 * row * hidden, pack, gate);
    packs.load(x + (2 * row + 1) * hidden, pack, up);
    packs.load(d_y + row * hidden, pack, slope);
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) {
      const float part = sigmoid(gate[i]);
      const float silu = gate[i] * part;
      gate[i] = slope[i] * up[i] * part * (1 + gate[i] * (1 - part));
      up[i] = slope[i] * silu;
    }
    packs.store(d_x + 2 * row * hidden, pack, gate);
    packs.store(d_x + (2 * row + 1) * hidden, pack, up);
  }
};

/// Turns the q and k heads of qkv. sine_sign: 1, or -1 to turn back.
struct Rotate {
  static constexpr int most_threads = pack_threads;
  AttentionShape shape;
  const float* table;
  float sine_sign;
  Bf16* qkv;

  SOVREN_BOTH std::int64_t half() const { return shape.head_width / 2; }
  SOVREN_BOTH std::int64_t turned_heads() const { return shape.heads + shape.kv_heads; }
  SOVREN_BOTH Packs packs() const { return row_packs(half()); }
  SOVREN_BOTH std::int64_t tokens() const { return std::int64_t{shape.batch} * shape.tokens; }
  Grid grid() const { return grid_of_packs(tokens() * turned_heads() * packs().count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const std::int64_t pack = index_in_grid(thread) % packs().count();
    const std::int64_t rest = index_in_grid(thread) / packs().count();
    const std::int64_t head = rest % turned_heads();
    const std::int64_t row = rest / turned_heads();
    if (row >= tokens()) return;
    const std::int64_t row_width = (turned_heads() + shape.kv_heads) * shape.head_width;
    Bf16* const first = qkv + row * row_width + head * shape.head_width;
    const float* const angles = table + 2 * (row % shape.tokens * half() + 8 * pack);
    float a[8], b[8];
    packs().load(first, pack, a);
    packs().load(first + half(), pack, b);
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) {
      if (!packs().has(8 * pack + i)) break;
      const float cosine = angles[2 * i];
      const float sine = sine_sign * angles[2 * i + 1];
      const float turned = a[i] * cosine - b[i] * sine;
      b[i] = b[i] * cosine + a[i] * sine;
      a[i] = turned;
    }
    packs().store(first, pack, a);
    packs().store(first + half(), pack, b);
  }
};

}  // namespace sovren::nn::device
