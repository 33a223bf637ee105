// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_attention_tiles.h"

namespace sovren::nn::device {

/// row_dots (batch, heads, tokens) = the sum over a head of d_out x out: what each query's gradient
/// of its scores is less than. A warp for each row and head.
struct RowDots {
  static constexpr int most_threads = 256;
  AttentionShape shape;
  const Bf16* out;
  const Bf16* d_out;
  float* row_dots;

  SOVREN_BOTH std::int64_t count() const {
    return std::int64_t{shape.batch} * shape.tokens * shape.heads;
  }
  Grid grid() const { return {.x = blocks_for(count() * warp_size, 256), .threads = 256}; }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char*) const {
    const std::int64_t at = thread.block_x() * thread.warps() + thread.warp();
    if (at >= count()) return;
    const Packs packs = row_packs(shape.head_width);
    float a[8], b[8], sum = 0;
    packs.load(out + at * shape.head_width, thread.lane(), a);
    packs.load(d_out + at * shape.head_width, thread.lane(), b);
    SOVREN_UNROLL
    for (int i = 0; i < 8; ++i) sum = std::fma(a[i], b[i], sum);
    sum = sum_warp(thread, sum);
    const std::int64_t row = at / shape.heads;
    const std::int64_t place = row / shape.tokens * shape.heads + at % shape.heads;
    if (thread.lane() == 0) row_dots[place * shape.tokens + row % shape.tokens] = sum;
  }
};

/// What the gradients are found for: a block for some keys walks along the queries and makes d_k
/// and d_v; a block for some queries walks along the keys and makes d_q. Either has all it sums.
enum class Own { keys, queries };

/// With rows = the block's own and columns = what it walks along: s = rows k or q times columns q
/// or k; p = e^(s - log_sum); d_p = rows v or d_out times columns d_out or v; d_s = p (d_p -
/// row_dots); first sums += d_s columns; second sums (of keys: d_v) += p columns.
template <int width, Own own, bool drops>
struct AttentionBackward {
  static constexpr int most_threads = attention_threads;
  static constexpr bool by_keys = own == Own::keys;
  static constexpr int tiles = warp_tiles<width>;
  static constexpr int rows = own_rows<width>;
  static constexpr int columns = streamed_rows;
  /// Columns whose probabilities are in registers: more of them read the own rows less often, and
  /// keys have two sums to keep.
  static constexpr int slice = by_keys ? 16 : 32;

  AttentionShape shape;
  const Bf16* qkv;
  const Dropout* dropout;
  const float* log_sum;
  const float* row_dots;
  const Bf16* d_out;
  Bf16* d_qkv;
  float scale;  ///< 1 / sqrt(width)

  Grid grid() const {
    return {
        .x = blocks_for(shape.tokens, rows),
        .y = by_keys ? shape.kv_heads : shape.heads,
        .z = shape.batch,
        .threads = attention_threads,
        .shared = (2 * rows + 4 * columns) * width * sizeof(Bf16) + 4 * columns * sizeof(float)};
  }

  /// Shared memory.
  struct Memory {
    Tile<width> first_own, second_own, tiles_of_steps;
    float* statistics;  ///< of the columns' queries: (2 steps, [log_sum | row_dots])

    SOVREN_DEVICE explicit Memory(char* shared)
        : first_own{reinterpret_cast<Bf16*>(shared)},
          second_own{first_own.data + rows * width},
          tiles_of_steps{second_own.data + rows * width},
          statistics(reinterpret_cast<float*>(tiles_of_steps.data + 4 * columns * width)) {}
    SOVREN_DEVICE Tile<width> first(int step) const {
      return {tiles_of_steps.data + step % 2 * 2 * columns * width};
    }
    SOVREN_DEVICE Tile<width> second(int step) const {
      return {first(step).data + columns * width};
    }
    SOVREN_DEVICE float* log_sums(int step) const { return statistics + step % 2 * 2 * columns; }
    SOVREN_DEVICE float* dots(int step) const { return log_sums(step) + columns; }
  };

  /// Which queries' or keys' columns a block takes, in which order.
  struct Walk {
    int first_row, first_column, column_blocks, steps;

    template <class Thread>
    SOVREN_DEVICE Walk(const Thread& thread, const AttentionShape& shape) {
      const auto block =
          static_cast<int>(by_keys ? thread.block_x() : thread.blocks_x() - 1 - thread.block_x());
      first_row = block * rows;
      const int end_row = first_row + rows < shape.tokens ? first_row + rows : shape.tokens;
      first_column = by_keys ? first_row / columns * columns : 0;
      const int end_column = by_keys ? shape.tokens : end_row;
      column_blocks = (end_column - first_column + columns - 1) / columns;
      // Of all query heads that share the keys, one after another.
      steps = by_keys ? shape.heads / shape.kv_heads * column_blocks : column_blocks;
    }
    SOVREN_DEVICE int column(int step) const {
      return first_column + step % column_blocks * columns;
    }
  };

  template <class Thread>
  SOVREN_DEVICE int head_of(const Thread& thread, const Walk& walk, int step) const {
    return by_keys ? thread.block_y() * (shape.heads / shape.kv_heads) + step / walk.column_blocks
                   : thread.block_y();
  }

  template <class Thread>
  SOVREN_DEVICE void stage_own(const Thread& thread, const Memory& memory, const Walk& walk) const {
    const HeadPlace place(shape, thread.block_z(), head_of(thread, walk, 0));
    const int stride = shape.qkv_width();
    if constexpr (by_keys) {
      stage_tile<rows>(thread, memory.first_own, qkv + place.k, stride, walk.first_row,
                       shape.tokens);
      stage_tile<rows>(thread, memory.second_own, qkv + place.v, stride, walk.first_row,
                       shape.tokens);
    } else {
      stage_tile<rows>(thread, memory.first_own, qkv + place.q, stride, walk.first_row,
                       shape.tokens);
      stage_tile<rows>(thread, memory.second_own, d_out + place.out, shape.q_width(),
                       walk.first_row, shape.tokens);
    }
  }

  template <class Thread>
  SOVREN_DEVICE void stage(const Thread& thread, const Memory& memory, const Walk& walk,
                           int step) const {
    if (step < walk.steps) {
      const HeadPlace place(shape, thread.block_z(), head_of(thread, walk, step));
      const int column = walk.column(step);
      const int stride = shape.qkv_width();
      if constexpr (by_keys) {
        stage_tile<columns>(thread, memory.first(step), qkv + place.q, stride, column,
                            shape.tokens);
        stage_tile<columns>(thread, memory.second(step), d_out + place.out, shape.q_width(), column,
                            shape.tokens);
        const int k = thread.index();
        if (k < columns) {
          const bool is_inside = column + k < shape.tokens;
          const std::int64_t at = place.number * shape.tokens + column + k;
          memory.log_sums(step)[k] = is_inside ? log_sum[at] * log2_e : INFINITY;
          memory.dots(step)[k] = is_inside ? row_dots[at] : 0;
        }
      } else {
        stage_tile<columns>(thread, memory.first(step), qkv + place.k, stride, column,
                            shape.tokens);
        stage_tile<columns>(thread, memory.second(step), qkv + place.v, stride, column,
                            shape.tokens);
      }
    }
    thread.commit();
  }

  /// Of the warp's own queries: log_sum (in powers of 2) and row_dots.
  template <class Thread>
  SOVREN_DEVICE void load_statistics(const Thread& thread, const Walk& walk, int first_row,
                                     float (&own_log_sum)[tiles][2],
                                     float (&own_dots)[tiles][2]) const {
    const HeadPlace place(shape, thread.block_z(), head_of(thread, walk, 0));
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = first_row + 16 * m + 8 * half + thread.lane() / 4;
        const bool is_inside = row < shape.tokens;
        const std::int64_t at = place.number * shape.tokens + row;
        own_log_sum[m][half] = is_inside ? log_sum[at] * log2_e : INFINITY;
        own_dots[m][half] = is_inside ? row_dots[at] : 0;
      }
    }
  }

  /// s and d_p of a slice.
  template <class Thread>
  SOVREN_DEVICE void multiply_slice(const Thread& thread, const Memory& memory, int step,
                                    int column, float (&s)[tiles][slice / 8][4],
                                    float (&d_p)[tiles][slice / 8][4]) const {
    SOVREN_UNROLL
    for (int k = 0; k < width / 16; ++k) {
      multiply_part(thread, memory.first_own, memory.first(step), column, k, s);
      multiply_part(thread, memory.second_own, memory.second(step), column, k, d_p);
    }
  }
  /// sums += the warp's own rows times a slice of columns, for depth 16 k .. 16 k + 15.
  template <class Thread>
  SOVREN_DEVICE void multiply_part(const Thread& thread, Tile<width> own_tile, Tile<width> tile,
                                   int column, int k, float (&sums)[tiles][slice / 8][4]) const {
    std::uint32_t a[tiles][4];
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m)
      load_left(thread, own_tile, 16 * (tiles * thread.warp() + m), k, a[m]);
    SOVREN_UNROLL
    for (int pair = 0; pair < slice / 16; ++pair) {
      std::uint32_t b[4];
      load_right(thread, tile, column + 16 * pair, k, b);
      SOVREN_UNROLL
      for (int m = 0; m < tiles; ++m) {
        thread.multiply(sums[m][2 * pair], a[m], b[0], b[1]);
        thread.multiply(sums[m][2 * pair + 1], a[m], b[2], b[3]);
      }
    }
  }

  struct Sums {
    float first[tiles][width / 8][4] = {};
    float second[by_keys ? tiles : 1][by_keys ? width / 8 : 1][4] = {};
  };

  template <class Thread>
  SOVREN_DEVICE void write(const Thread& thread, const Memory& memory, const Walk& walk,
                           Sums& sums) const {
    const HeadPlace place(shape, thread.block_z(), head_of(thread, walk, 0));
    const int own_row = 16 * tiles * thread.warp();
    const int first_row = walk.first_row + own_row;
    const int stride = shape.qkv_width();
    float factor[tiles][2];
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) factor[m][0] = factor[m][1] = scale;
    write_rows<tiles, width>(thread, sums.first, factor, memory.first_own, own_row,
                             d_qkv + (by_keys ? place.k : place.q), stride, first_row,
                             shape.tokens);
    if constexpr (by_keys) {
      SOVREN_UNROLL
      for (int m = 0; m < tiles; ++m) factor[m][0] = factor[m][1] = 1;
      write_rows<tiles, width>(thread, sums.second, factor, memory.second_own, own_row,
                               d_qkv + place.v, stride, first_row, shape.tokens);
    }
  }

  /// s becomes p, d_p becomes d_s; both are multiplied with the columns.
  template <class Thread>
  SOVREN_DEVICE void add_slice(const Thread& thread, const Memory& memory, const Walk& walk,
                               int step, int column, const float (&own_log_sum)[tiles][2],
                               const float (&own_dots)[tiles][2], Sums& sums) const {
    float s[tiles][slice / 8][4] = {}, d_p[tiles][slice / 8][4] = {};
    multiply_slice(thread, memory, step, column, s, d_p);
    const int head = head_of(thread, walk, step);
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int n = 0; n < slice / 8; ++n) {
        SOVREN_UNROLL
        for (int i = 0; i < 4; ++i) {
          const int in_step = column + 8 * n + 2 * (thread.lane() % 4) + i % 2;
          const int this_column = walk.column(step) + in_step;
          const int this_row =
              walk.first_row + 16 * (tiles * thread.warp() + m) + i / 2 * 8 + thread.lane() / 4;
          const int query = by_keys ? this_column : this_row;
          const int key = by_keys ? this_row : this_column;
          const float query_log_sum =
              by_keys ? memory.log_sums(step)[in_step] : own_log_sum[m][i / 2];
          const float query_dots = by_keys ? memory.dots(step)[in_step] : own_dots[m][i / 2];
          float factor = 1;
          if constexpr (drops)
            factor = HeadDropout(shape, *dropout, thread.block_z(), head).factor(query, key);
          float p = exp2_of(std::fma(s[m][n][i], scale * log2_e, -query_log_sum));
          if (key > query) p = 0;
          s[m][n][i] = p * factor;
          d_p[m][n][i] = p * (d_p[m][n][i] * factor - query_dots);
        }
      }
    }
    SOVREN_UNROLL
    for (int part = 0; part < slice / 16; ++part) {
      const int row = column + 16 * part;
      std::uint32_t left[tiles][4];
      SOVREN_UNROLL
      for (int m = 0; m < tiles; ++m) round_left(d_p[m][2 * part], d_p[m][2 * part + 1], left[m]);
      add_products<tiles>(thread, left, memory.first(step), row, sums.first);
      if constexpr (by_keys) {
        SOVREN_UNROLL
        for (int m = 0; m < tiles; ++m) round_left(s[m][2 * part], s[m][2 * part + 1], left[m]);
        add_products<tiles>(thread, left, memory.second(step), row, sums.second);
      }
    }
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    const Memory memory(shared);
    const Walk walk(thread, shape);
    const int first_row = walk.first_row + 16 * tiles * thread.warp();
    float own_log_sum[tiles][2] = {}, own_dots[tiles][2] = {};
    if constexpr (!by_keys) load_statistics(thread, walk, first_row, own_log_sum, own_dots);
    Sums sums;

    stage_own(thread, memory, walk);
    stage(thread, memory, walk, 0);
    for (int step = 0; step < walk.steps; ++step) {
      stage(thread, memory, walk, step + 1);
      thread.template wait<1>();
      thread.sync();
      for (int column = 0; column < columns; column += slice) {
        // Nothing where all keys are after all queries.
        const int first = walk.column(step) + column;
        const bool is_before =
            by_keys ? first + slice <= first_row : first >= first_row + 16 * tiles;
        if (is_before) continue;
        add_slice(thread, memory, walk, step, column, own_log_sum, own_dots, sums);
      }
      thread.sync();  // before the tiles of this step are filled again
    }
    write(thread, memory, walk, sums);
  }
};

}  // namespace sovren::nn::device
