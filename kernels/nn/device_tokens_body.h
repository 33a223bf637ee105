// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_columns_body.h"
#include "kernels/nn/device_pointwise_body.h"

// Embeddings and the classifier of device_ops.h.
namespace sovren::nn::device {

struct Embed {
  static constexpr int most_threads = pack_threads;
  std::int64_t rows, context, width;
  const std::int32_t* tokens;
  const Bf16* token_table;
  const Bf16* position_table;  ///< null: none
  Bf16* x;

  Grid grid() const { return grid_of_packs(rows * row_packs(width).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = row_packs(width);
    const std::int64_t row = index_in_grid(thread) / packs.count();
    const std::int64_t pack = index_in_grid(thread) % packs.count();
    if (row >= rows) return;
    float value[8];
    packs.load(token_table + tokens[row] * width, pack, value);
    if (position_table != nullptr) {
      float place[8];
      packs.load(position_table + row % context * width, pack, place);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) value[i] += place[i];
    }
    packs.store(x + row * width, pack, value);
  }
};

/// A block for each token that occurs, and 256 of its columns; its warps take every eighth place.
struct EmbedTokensBackward {
  static constexpr int most_threads = column_warps * warp_size;
  std::int64_t rows, width, table_rows;
  const std::int32_t* tokens;
  const std::int32_t* buckets;
  const Bf16* d_x;
  float* d_table;

  Grid grid() const {
    return {.x = std::min(rows, table_rows),
            .y = blocks_for(width, block_columns),
            .threads = most_threads,
            .shared = join_bytes};
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    if (thread.block_x() >= buckets[0]) return;
    const std::int32_t first = buckets[1 + thread.block_x()];
    const std::int32_t end = buckets[2 + thread.block_x()];
    const std::int32_t* const places = buckets + 2 + rows;
    const Packs packs = row_packs(width);
    const std::int64_t pack = std::int64_t{thread.block_y()} * warp_size + thread.lane();
    float part[8] = {};
    for (std::int32_t k = first + thread.warp(); k < end; k += column_warps) {
      float value[8];
      packs.load(d_x + places[k] * width, pack, value);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) part[i] += value[i];
    }
    const float total = join_warps(thread, part, reinterpret_cast<float*>(shared));
    const std::int64_t column = std::int64_t{thread.block_y()} * block_columns + thread.index();
    if (column < width) d_table[tokens[places[first]] * width + column] += total;
  }
};

/// Each thread sums eight columns of one position over the sequences.
struct EmbedPositionsBackward {
  static constexpr int most_threads = pack_threads;
  std::int64_t rows, context, width;
  const Bf16* d_x;
  float* d_table;

  Grid grid() const { return grid_of_packs(context * row_packs(width).count()); }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const Packs packs = row_packs(width);
    const std::int64_t place = index_in_grid(thread) / packs.count();
    const std::int64_t pack = index_in_grid(thread) % packs.count();
    if (place >= context) return;
    float total[8] = {};
    for (std::int64_t row = place; row < rows; row += context) {
      float value[8];
      packs.load(d_x + row * width, pack, value);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) total[i] += value[i];
    }
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) {
      if (!packs.has(8 * pack + i)) break;
      d_table[place * width + 8 * pack + i] += total[i];
    }
  }
};

/// A block for each row: the largest logit and the sum of exponentials in one pass, then, where the
/// gradient is wanted, a second one over a row that is still in the cache.
struct Classify {
  static constexpr int most_threads = 1024;
  std::int64_t rows, vocab, stride;
  const std::int32_t* targets;
  float gradient_scale;
  const Bf16* logits;
  Bf16* gradient;  ///< logits, or null: only the losses
  float* losses;

  Grid grid() const {
    const std::int64_t warps = blocks_for(array_packs(stride).count(), warp_size);
    return {.x = rows,
            .threads = static_cast<int>(std::min<std::int64_t>(warps * warp_size, most_threads)),
            .shared = SumSlots<float>::bytes};
  }

  /// Largest and sum of 2^(x - largest) of what this thread reads; x: logits x log2 e.
  template <class Thread>
  SOVREN_DEVICE void scan(const Thread& thread, const Bf16* row, float& largest,
                          float& total) const {
    const Packs packs{vocab, stride % 8 == 0};
    for (std::int64_t pack = thread.index(); pack < packs.count(); pack += thread.threads()) {
      float value[8];
      packs.load(row, pack, value);
      float top = largest;
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) {
        value[i] = packs.has(8 * pack + i) ? value[i] * log2_e : -INFINITY;
        top = std::fmax(top, value[i]);
      }
      if (top > largest) {
        total *= exp2_of(largest - top);
        largest = top;
      }
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) total += exp2_of(value[i] - largest);
    }
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    SumSlots<float> slots(shared);
    const std::int64_t number = rows - 1 - thread.block_x();  // the last rows were written last
    const Bf16* const row = logits + number * stride;
    const std::int64_t target = targets[number];
    const float at_target = from_bf16(row[target]);
    float own_largest = -INFINITY, own_total = 0;
    scan(thread, row, own_largest, own_total);
    const float largest = largest_of_block(thread, own_largest, slots);
    if (own_total != 0) own_total *= exp2_of(own_largest - largest);
    const float total = sum_block(thread, own_total, slots);
    if (thread.index() == 0) losses[number] = std::log(total) + (largest * log_2 - at_target);
    if (gradient == nullptr) return;

    const float factor = gradient_scale / total;
    const Packs packs{stride, stride % 8 == 0};
    for (std::int64_t pack = thread.index(); pack < packs.count(); pack += thread.threads()) {
      float value[8];
      packs.load(row, pack, value);
      SOVREN_UNROLL
      for (int i = 0; i < 8; ++i) {
        const std::int64_t column = 8 * pack + i;
        const float part = exp2_of(value[i] * log2_e - largest) * factor;
        value[i] = column >= vocab ? 0 : column == target ? part - gradient_scale : part;
      }
      packs.store(gradient + number * stride, pack, value);
    }
  }
};

/// One block; each thread takes every 1024th.
struct SumValues {
  static constexpr int most_threads = 1024;
  std::int64_t count;
  const float* values;
  double* total;

  Grid grid() const { return {.threads = most_threads, .shared = SumSlots<double>::bytes}; }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    SumSlots<double> slots(shared);
    double part = 0;
    for (std::int64_t k = thread.index(); k < count; k += thread.threads()) part += values[k];
    part = sum_block(thread, part, slots);
    if (thread.index() == 0) *total = part;
  }
};

}  // namespace sovren::nn::device
