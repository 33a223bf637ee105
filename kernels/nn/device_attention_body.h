// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_attention_tiles.h"

namespace sovren::nn::device {

/// A block for some queries of a head. It walks along the keys, 64 at a time, the next ones being
/// copied while it computes; each of its warps has queries of its own, and skips keys after them.
template <int width, bool drops>
struct AttentionForward {
  static constexpr int most_threads = attention_threads;
  static constexpr int tiles = warp_tiles<width>;
  static constexpr int rows = own_rows<width>;
  static constexpr int keys = streamed_rows;

  AttentionShape shape;
  const Bf16* qkv;
  const Dropout* dropout;
  Bf16* out;
  float* log_sum;
  float scale;  ///< 1 / sqrt(width)

  Grid grid() const {
    return {.x = blocks_for(shape.tokens, rows),
            .y = shape.heads,
            .z = shape.batch,
            .threads = attention_threads,
            .shared = (rows + 4 * keys) * width * sizeof(Bf16)};
  }

  /// Of one warp.
  struct State {
    float sums[tiles][width / 8][4] = {};
    float largest[tiles][2];
    float total[tiles][2] = {};  ///< of this lane's columns
  };

  /// s = q k^T of a warp's queries and 64 keys; minus infinity where the key is after the query.
  template <class Thread>
  SOVREN_DEVICE void score(const Thread& thread, const std::uint32_t (&q)[tiles][width / 16][4],
                           Tile<width> k_tile, int first_query, int first_key,
                           float (&s)[tiles][keys / 8][4]) const {
    SOVREN_UNROLL
    for (int k = 0; k < width / 16; ++k) {
      SOVREN_UNROLL
      for (int pair = 0; pair < keys / 16; ++pair) {
        std::uint32_t b[4];
        load_right(thread, k_tile, 16 * pair, k, b);
        SOVREN_UNROLL
        for (int m = 0; m < tiles; ++m) {
          thread.multiply(s[m][2 * pair], q[m][k], b[0], b[1]);
          thread.multiply(s[m][2 * pair + 1], q[m][k], b[2], b[3]);
        }
      }
    }
    if (first_key + keys - 1 <= first_query) return;
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int n = 0; n < keys / 8; ++n) {
        SOVREN_UNROLL
        for (int i = 0; i < 4; ++i) {
          const int query = first_query + 16 * m + i / 2 * 8 + thread.lane() / 4;
          const int key = first_key + 8 * n + 2 * (thread.lane() % 4) + i % 2;
          if (key > query) s[m][n][i] = -INFINITY;
        }
      }
    }
  }

  /// s becomes the probabilities, but for their denominator; what was summed before is rescaled.
  template <class Thread>
  SOVREN_DEVICE void exponentials(const Thread& thread, float (&s)[tiles][keys / 8][4],
                                  State& state) const {
    const float factor = scale * log2_e;
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int half = 0; half < 2; ++half) {
        float top = state.largest[m][half];
        SOVREN_UNROLL
        for (int n = 0; n < keys / 8; ++n)
          top = std::fmax(top, std::fmax(s[m][n][2 * half], s[m][n][2 * half + 1]));
        top = std::fmax(top, thread.shuffle_xor(top, 1));
        top = std::fmax(top, thread.shuffle_xor(top, 2));
        const float shrink = exp2_of((state.largest[m][half] - top) * factor);
        state.largest[m][half] = top;
        float total = 0;
        SOVREN_UNROLL
        for (int n = 0; n < keys / 8; ++n) {
          SOVREN_UNROLL
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            s[m][n][i] = exp2_of(std::fma(s[m][n][i], factor, -top * factor));
            total += s[m][n][i];
          }
        }
        state.total[m][half] = std::fma(state.total[m][half], shrink, total);
        SOVREN_UNROLL
        for (int n = 0; n < width / 8; ++n) {
          state.sums[m][n][2 * half] *= shrink;
          state.sums[m][n][2 * half + 1] *= shrink;
        }
      }
    }
  }

  template <class Thread>
  SOVREN_DEVICE void drop_some(const Thread& thread, const HeadDropout& head_dropout,
                               int first_query, int first_key,
                               float (&s)[tiles][keys / 8][4]) const {
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int n = 0; n < keys / 8; ++n) {
        SOVREN_UNROLL
        for (int i = 0; i < 4; ++i) {
          const int query = first_query + 16 * m + i / 2 * 8 + thread.lane() / 4;
          const int key = first_key + 8 * n + 2 * (thread.lane() % 4) + i % 2;
          s[m][n][i] *= head_dropout.factor(query, key);
        }
      }
    }
  }

  template <class Thread>
  SOVREN_DEVICE void finish(const Thread& thread, const HeadPlace& place, Tile<width> tile,
                            int first_query, State& state) const {
    float factor[tiles][2];
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      SOVREN_UNROLL
      for (int half = 0; half < 2; ++half) {
        float total = state.total[m][half];
        total += thread.shuffle_xor(total, 1);
        total += thread.shuffle_xor(total, 2);
        factor[m][half] = 1 / total;
        const int query = first_query + 16 * m + 8 * half + thread.lane() / 4;
        if (thread.lane() % 4 == 0 && query < shape.tokens)
          log_sum[place.number * shape.tokens + query] =
              std::fma(state.largest[m][half], scale, std::log(total));
      }
    }
    write_rows<tiles, width>(thread, state.sums, factor, tile, 16 * tiles * thread.warp(),
                             out + place.out, shape.q_width(), first_query, shape.tokens);
  }

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread, char* shared) const {
    auto* const memory = reinterpret_cast<Bf16*>(shared);
    const Tile<width> q_tile{memory};
    const auto k_tile = [&](int step) {
      return Tile<width>{memory + (rows + step % 2 * 2 * keys) * width};
    };
    const auto v_tile = [&](int step) { return Tile<width>{k_tile(step).data + keys * width}; };
    const HeadPlace place(shape, thread.block_z(), thread.block_y());
    // Later queries have more keys: their blocks begin first.
    const int first_row = static_cast<int>(thread.blocks_x() - 1 - thread.block_x()) * rows;
    const int end_key = first_row + rows < shape.tokens ? first_row + rows : shape.tokens;
    const int steps = (end_key + keys - 1) / keys;
    const int stride = shape.qkv_width();
    const auto stage = [&](int step) {
      if (step < steps) {
        stage_tile<keys>(thread, k_tile(step), qkv + place.k, stride, step * keys, shape.tokens);
        stage_tile<keys>(thread, v_tile(step), qkv + place.v, stride, step * keys, shape.tokens);
      }
      thread.commit();
    };

    const int first_query = first_row + 16 * tiles * thread.warp();
    std::uint32_t q[tiles][width / 16][4];
    State state;
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) state.largest[m][0] = state.largest[m][1] = -INFINITY;

    stage_tile<rows>(thread, q_tile, qkv + place.q, stride, first_row, shape.tokens);
    stage(0);
    for (int step = 0; step < steps; ++step) {
      stage(step + 1);
      thread.template wait<1>();
      thread.sync();
      if (step == 0) {
        SOVREN_UNROLL
        for (int m = 0; m < tiles; ++m) {
          SOVREN_UNROLL
          for (int k = 0; k < width / 16; ++k)
            load_left(thread, q_tile, 16 * (tiles * thread.warp() + m), k, q[m][k]);
        }
      }
      if (step * keys < first_query + 16 * tiles) {
        float s[tiles][keys / 8][4] = {};
        score(thread, q, k_tile(step), first_query, step * keys, s);
        exponentials(thread, s, state);
        if constexpr (drops)
          drop_some(thread, HeadDropout(shape, *dropout, thread.block_z(), thread.block_y()),
                    first_query, step * keys, s);
        SOVREN_UNROLL
        for (int part = 0; part < keys / 16; ++part) {
          std::uint32_t p[tiles][4];
          SOVREN_UNROLL
          for (int m = 0; m < tiles; ++m) round_left(s[m][2 * part], s[m][2 * part + 1], p[m]);
          add_products<tiles>(thread, p, v_tile(step), 16 * part, state.sums);
        }
      }
      thread.sync();  // before the tiles of this step are filled again
    }
    finish(thread, place, q_tile, first_query, state);
  }
};

}  // namespace sovren::nn::device
