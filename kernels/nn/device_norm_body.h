// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_columns_body.h"
#include "kernels/nn/device_math.h"
#include "kernels/nn/device_sizes.h"

// Norms of device_ops.h. A block takes rows one after another; each of its threads keeps eight
// neighbours of the row in registers, so a row is read once.
namespace sovren::nn::device {

/// Threads of a block: one for each eight columns.
inline int row_threads(std::int64_t width) {
  return static_cast<int>(blocks_for(row_packs(width).count(), warp_size)) * warp_size;
}

struct NormForward {
  static constexpr int most_threads = 1024;
  NormShape shape;
  const Bf16* x;
  const Bf16* branch;  ///< null: none
  const Dropout* dropout;
  const Bf16* weight;
  const Bf16* bias;
  Bf16* sum;
  Bf16* y;
  float* mean;
  float* scale;

  Grid grid() const {
    constexpr std::int64_t most_blocks = 4096;  // more than run at once
    return {.x = std::min(shape.rows, most_blocks),
            .threads = row_threads(shape.width),
            .shared = SumSlots<float>::bytes};
  }

  /// The row that is normed; what was summed is written, and rounded as it was.
  template <class Thread>
  SOVREN_DEVICE void load_row(const Thread& thread, std::int64_t row, float (&value)[8]) const {
    const Packs packs = row_packs(shape.width);
    const std::int64_t first = row * shape.width;
    packs.load(x + first, thread.index(), value);
    if (branch == nullptr) return;
    float other[8];
    packs.load(branch + first, thread.index(), other);
    if (dropout != nullptr) {
      const std::int64_t element = (dropout->first_row + row) * shape.width + 8 * thread.index();
      drop(*dropout, static_cast<std::uint64_t>(element), other);
    }
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) value[i] += other[i];
    packs.store(sum + first, thread.index(), value);
    unpack(packed(value), value);
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    SumSlots<float> slots(shared);
    const Packs packs = row_packs(shape.width);
    const auto width = static_cast<float>(shape.width);
    const bool is_layer = shape.kind == NormKind::layer;
    float factor[8], shift[8] = {};
    packs.load(weight, thread.index(), factor);
    if (bias != nullptr) packs.load(bias, thread.index(), shift);

    for (std::int64_t row = thread.block_x(); row < shape.rows; row += thread.blocks_x()) {
      float value[8];
      load_row(thread, row, value);
      float middle = 0;
      if (is_layer) {
        float part = 0;
        SOVREN_UNROLL
        for (int i = 0; i < 8; ++i) part += value[i];
        middle = sum_block(thread, part, slots) / width;
      }
      float squares = 0;
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) {
        value[i] = packs.has(8 * thread.index() + i) ? value[i] - middle : 0;
        squares += value[i] * value[i];
      }
      const float length = 1 / std::sqrt(sum_block(thread, squares, slots) / width + shape.epsilon);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) value[i] = value[i] * length * factor[i] + shift[i];
      packs.store(y + row * shape.width, thread.index(), value);
      if (thread.index() == 0) {
        if (mean != nullptr) mean[row] = middle;
        scale[row] = length;
      }
    }
  }
};

/// Gradients of x, and of weight and bias each block's part: partial (blocks, [weight | bias] x
/// width).
struct NormBackward {
  static constexpr int most_threads = 1024;
  NormShape shape;
  const Bf16* d_y;
  const Bf16* x;
  const Bf16* weight;
  const float* mean;  ///< null: 0
  const float* scale;
  const Bf16* d_after;  ///< null: 0
  Bf16* d_x;
  float* partial;

  Grid grid() const {
    return {.x = norm_backward_blocks(shape.rows, shape.width),
            .threads = row_threads(shape.width),
            .shared = 2 * SumSlots<float>::bytes};
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    SumSlots<float> slots(shared), more_slots(shared + SumSlots<float>::bytes);
    const Packs packs = row_packs(shape.width);
    const auto width = static_cast<float>(shape.width);
    float factor[8], d_weight[8] = {}, d_bias[8] = {};
    packs.load(weight, thread.index(), factor);

    for (std::int64_t row = thread.block_x(); row < shape.rows; row += thread.blocks_x()) {
      const std::int64_t first = row * shape.width;
      const float middle = mean != nullptr ? mean[row] : 0;
      const float length = scale[row];
      float slope[8], value[8], result[8] = {};
      packs.load(d_y + first, thread.index(), slope);
      packs.load(x + first, thread.index(), value);
      if (d_after != nullptr) packs.load(d_after + first, thread.index(), result);
      float of_slope = 0, of_product = 0;
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) {
        value[i] = (value[i] - middle) * length;  // beyond the row its slope is 0
        d_weight[i] += slope[i] * value[i];
        d_bias[i] += slope[i];
        slope[i] *= factor[i];
        of_slope += slope[i];
        of_product += slope[i] * value[i];
      }
      if (shape.kind == NormKind::layer) of_slope = sum_block(thread, of_slope, slots) / width;
      of_product = sum_block(thread, of_product, more_slots) / width;
      if (shape.kind == NormKind::rms) of_slope = 0;
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i)
        result[i] += length * (slope[i] - of_slope - value[i] * of_product);
      packs.store(d_x + first, thread.index(), result);
    }

    float* const own = partial + 2 * thread.block_x() * shape.width;
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) {
      const std::int64_t column = 8 * thread.index() + i;
      if (!packs.has(column)) break;
      own[column] = d_weight[i];
      own[shape.width + column] = d_bias[i];
    }
  }
};

template <class Launch>
Result<void> run_norm_backward(const Launch& launch, const NormBackward& kernel, float* d_weight,
                               float* d_bias) {
  SOVREN_DO(launch(kernel, "starting a norm's backward pass"));
  const std::int64_t width = kernel.shape.width;
  AddPartials sums{.count = kernel.grid().x,
                   .width = width,
                   .stride = 2 * width,
                   .partial = kernel.partial,
                   .sums = d_weight};
  SOVREN_DO(launch(sums, "starting the sums of a norm's weights"));
  if (d_bias == nullptr) return {};
  sums.partial += width;
  sums.sums = d_bias;
  return launch(sums, "starting the sums of a norm's biases");
}

}  // namespace sovren::nn::device
