// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/device_math.h"
#include "kernels/nn/device_sizes.h"

// What the tensor-core kernels of attention share: tiles in shared memory, the parts of matrices
// that a lane holds, and where heads lie in memory.
//
// With g = lane / 4 and t = lane % 4, a lane holds of a 16 x 8 tile of sums: [0], [1]: row g,
// columns 2 t and 2 t + 1; [2], [3]: row g + 8. Two such tiles side by side, rounded to bf16, are
// the left factor (16 x 16) of the next product: so probabilities never leave the registers.
namespace sovren::nn::device {

inline constexpr int attention_warps = 4;
inline constexpr int attention_threads = attention_warps * warp_size;
inline constexpr int streamed_rows = 64;  // of what a block of attention walks along, at a time

/// Tiles of 16 rows that a warp has; head width 128 leaves registers for one.
template <int width>
inline constexpr int warp_tiles = width <= 64 ? 2 : 1;
/// Rows of a block: what it computes results for.
template <int width>
inline constexpr int own_rows = 16 * warp_tiles<width>* attention_warps;

/// Rows of `width` bf16 in shared memory. Chunks of 16 bytes are permuted by the row's number, so
/// that the same chunk of eight rows lies in eight different groups of banks.
template <int width>
struct Tile {
  Bf16* data;
  SOVREN_DEVICE Bf16* chunk(int row, int chunk) const {
    return data + row * width + (chunk ^ (row & 7)) * 8;
  }
};

/// Starts to copy rows first .. first + rows - 1 of a matrix with `end` rows; 0 beyond.
template <int rows, int width, class Thread>
SOVREN_DEVICE void stage_tile(const Thread& thread, Tile<width> tile, const Bf16* from,
                              std::int64_t stride, int first, int end) {
  constexpr int chunks = width / 8;
  static_assert(rows * chunks % attention_threads == 0);
  SOVREN_UNROLL
  for (int k = 0; k < rows * chunks / attention_threads; ++k) {
    const int at = k * attention_threads + thread.index();
    const int row = at / chunks;
    const bool is_inside = first + row < end;
    const Bf16* const source = from + (is_inside ? first + row : 0) * stride + at % chunks * 8;
    thread.copy_async(tile.chunk(row, at % chunks), source, is_inside);
  }
}

/// Left factor: rows row .. row + 15, columns 16 k .. 16 k + 15 of a tile.
template <int width, class Thread>
SOVREN_DEVICE void load_left(const Thread& thread, Tile<width> tile, int row, int k,
                             std::uint32_t (&a)[4]) {
  thread.load_matrices(a, tile.chunk(row + thread.lane() % 16, 2 * k + thread.lane() / 16));
}
/// Right factors of two products, for a tile whose rows are the product's columns: columns column
/// .. column + 7 (b[0], b[1]) and the next eight (b[2], b[3]), depth 16 k .. 16 k + 15.
template <int width, class Thread>
SOVREN_DEVICE void load_right(const Thread& thread, Tile<width> tile, int column, int k,
                              std::uint32_t (&b)[4]) {
  const int lane = thread.lane();
  thread.load_matrices(b, tile.chunk(column + lane % 8 + lane / 16 * 8, 2 * k + lane / 8 % 2));
}
/// The same for a tile whose rows are the product's depth: depth row .. row + 15, columns 16 pair
/// ..
template <int width, class Thread>
SOVREN_DEVICE void load_right_by_rows(const Thread& thread, Tile<width> tile, int row, int pair,
                                      std::uint32_t (&b)[4]) {
  thread.load_transposed(b, tile.chunk(row + thread.lane() % 16, 2 * pair + thread.lane() / 16));
}

/// sums (tiles x 16, columns) += left (tiles x 16, 16) rows row .. row + 15 of a tile.
template <int tiles, int width, class Thread>
SOVREN_DEVICE void add_products(const Thread& thread, const std::uint32_t (&left)[tiles][4],
                                Tile<width> tile, int row, float (&sums)[tiles][width / 8][4]) {
  SOVREN_UNROLL
  for (int pair = 0; pair < width / 16; ++pair) {
    std::uint32_t b[4];
    load_right_by_rows(thread, tile, row, pair, b);
    SOVREN_UNROLL
    for (int m = 0; m < tiles; ++m) {
      thread.multiply(sums[m][2 * pair], left[m], b[0], b[1]);
      thread.multiply(sums[m][2 * pair + 1], left[m], b[2], b[3]);
    }
  }
}

/// Two tiles of sums, side by side, as a left factor.
SOVREN_DEVICE void round_left(const float (&first)[4], const float (&second)[4],
                              std::uint32_t (&a)[4]) {
  a[0] = pack_bf16(first[0], first[1]);
  a[1] = pack_bf16(first[2], first[3]);
  a[2] = pack_bf16(second[0], second[1]);
  a[3] = pack_bf16(second[2], second[3]);
}

/// Writes a warp's sums, times a factor for each row, as rows first .. of a matrix with `end` rows.
/// They go through the warp's own rows of a tile, from tile_row on, so that memory gets whole
/// chunks.
template <int tiles, int width, class Thread>
SOVREN_DEVICE void write_rows(const Thread& thread, const float (&sums)[tiles][width / 8][4],
                              const float (&factor)[tiles][2], Tile<width> tile, int tile_row,
                              Bf16* to, std::int64_t stride, int first, int end) {
  thread.sync_warp();
  SOVREN_UNROLL
  for (int m = 0; m < tiles; ++m) {
    SOVREN_UNROLL
    for (int n = 0; n < width / 8; ++n) {
      SOVREN_UNROLL
      for (int half = 0; half < 2; ++half) {
        const int row = tile_row + 16 * m + 8 * half + thread.lane() / 4;
        const std::uint32_t pair = pack_bf16(sums[m][n][2 * half] * factor[m][half],
                                             sums[m][n][2 * half + 1] * factor[m][half]);
        reinterpret_cast<std::uint32_t*>(tile.chunk(row, n))[thread.lane() % 4] = pair;
      }
    }
  }
  thread.sync_warp();
  constexpr int chunks = width / 8;
  SOVREN_UNROLL
  for (int k = 0; k < 16 * tiles * chunks / warp_size; ++k) {
    const int at = k * warp_size + thread.lane();
    const int row = at / chunks;
    if (first + row >= end) continue;
    *reinterpret_cast<Pack*>(to + (first + row) * stride + at % chunks * 8) =
        *reinterpret_cast<const Pack*>(tile.chunk(tile_row + row, at % chunks));
  }
}

/// Where one head of one sequence lies.
struct HeadPlace {
  std::int64_t row;      ///< of its first token
  std::int64_t number;   ///< of sequence and head: rows of log_sum before it are number x tokens
  std::int64_t q, k, v;  ///< of its first token in qkv
  std::int64_t out;      ///< of its first token in out

  SOVREN_DEVICE HeadPlace(const AttentionShape& shape, int sequence, int head)
      : row(std::int64_t{sequence} * shape.tokens),
        number(std::int64_t{sequence} * shape.heads + head),
        q(row * shape.qkv_width() + head * shape.head_width),
        k(row * shape.qkv_width() +
          (shape.heads + head / (shape.heads / shape.kv_heads)) * shape.head_width),
        v(k + shape.kv_heads * shape.head_width),
        out(row * shape.q_width() + head * shape.head_width) {}
};

/// What dropout leaves of one head's probabilities: a factor, 0 or scale.
struct HeadDropout {
  Philox philox;
  std::uint64_t first;  ///< element of query 0 and key 0
  std::uint64_t tokens;
  std::uint32_t threshold;
  float scale;

  SOVREN_DEVICE HeadDropout(const AttentionShape& shape, const Dropout& dropout, int sequence,
                            int head)
      : philox(dropout.seed, dropout.stream),
        tokens(static_cast<std::uint64_t>(shape.tokens)),
        threshold(dropout.threshold()),
        scale(dropout.scale()) {
    const auto number =
        static_cast<std::uint64_t>((dropout.first_row + sequence) * shape.heads + head);
    first = number * tokens * tokens;
  }
  SOVREN_DEVICE float factor(int query, int key) const {
    const std::uint64_t element =
        first + static_cast<std::uint64_t>(query) * tokens + static_cast<std::uint64_t>(key);
    const Philox::Block block = philox.block(element / 4);
    const std::uint64_t word = element % 4;
    const std::uint32_t draw = word == 0   ? block[0]
                               : word == 1 ? block[1]
                               : word == 2 ? block[2]
                                           : block[3];
    return draw < threshold ? 0 : scale;
  }
};

}  // namespace sovren::nn::device
