// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/nn/level/simd.h"

namespace sovren::nn::SOVREN_LEVEL {

// The tile of C whose sums the registers hold: at most tile_rows rows of tile_vectors sixteens.
#if defined(__AVX512F__)
constexpr int tile_rows = 14, tile_vectors = 2;  // 28 of 32 registers
#elif defined(__AVX2__)
constexpr int tile_rows = 6, tile_vectors = 1;  // 12 of 16 registers
#else
constexpr int tile_rows = 4, tile_vectors = 1;
#endif
constexpr int row_pitch = tile_rows > 8 ? 16 : tile_rows;  // of packed rows, in floats
constexpr int few_rows = 4;                                // a lower tile, for the last rows
constexpr int tile_width = 16 * tile_vectors;

template <int rows>
using Sums = F16[rows][tile_vectors];

/// Calls each(r, v) for all of a tile, unrolled.
template <int rows, class Each>
[[gnu::always_inline]] inline void for_tile(const Each& each) {
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; ++v) each(r, v);
}

/// Rows of A as they lie, k contiguous. Five rows to a pointer: an address with a scaled stride
/// reaches that many, and a pointer for each row would not fit the registers.
class StridedRows {
 public:
  StridedRows(const float* a, std::int64_t stride) : stride_(stride), triple_(3 * stride) {
    for (int i = 0; i < pointers; ++i) row_[i] = a + 5 * i * stride;
#if defined(__x86_64__)
    for (int i = 0; i < pointers; ++i) asm("" : "+r"(row_[i]));  // else the compiler joins them
    asm("" : "+r"(triple_));
#endif
  }
  [[gnu::always_inline]] float at(int r) const {
    const int beyond = r % 5;
    return row_[r / 5][beyond == 3 ? triple_ : beyond * stride_];
  }
  [[gnu::always_inline]] void next_k() {
    for (int i = 0; i < pointers; ++i) ++row_[i];
  }

 private:
  static constexpr int pointers = (tile_rows + 4) / 5;
  const float* row_[pointers];
  std::int64_t stride_, triple_;
};

/// Packed rows of A: tile_rows factors for each k, row_pitch apart.
struct PackedRows {
  const float* a;
  [[gnu::always_inline]] float at(int r) const { return a[r]; }
  [[gnu::always_inline]] void next_k() { a += row_pitch; }
};

/// Memory that is wanted soon: `lines` lines of the cache from data, data + stride, ...
struct Soon {
  const float* data;
  std::int64_t stride;
  std::int64_t lines;
};

template <int rows, class Rows>
[[gnu::always_inline]] inline void multiply_add(const Rows& a, const float* b, Sums<rows>& sum) {
  F16 column[tile_vectors];
#pragma GCC unroll 2
  for (int v = 0; v < tile_vectors; ++v) column[v] = F16::load(b + 16 * v);
#pragma GCC unroll 16
  for (int r = 0; r < rows; ++r) {
    const F16 factor = F16::all(a.at(r));
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; ++v) sum[r][v] = fma(factor, column[v], sum[r][v]);
  }
}

/// sum = A B over `depth` products, in the order of k, by multiply-adds from 0. b: a packed panel.
/// Meanwhile, `rows` rows of `soon` are fetched, little by little.
template <int rows, class Rows>
[[gnu::always_inline]] inline void multiply_tile(std::int64_t depth, Rows a, const float* b,
                                                 Soon soon, Sums<rows>& sum) {
  for_tile<rows>([&](int r, int v) { sum[r][v] = F16::all(0); });
  const auto multiply = [&](std::int64_t count) __attribute__((always_inline)) {
    for (std::int64_t k = 0; k < count; ++k) {
      multiply_add<rows>(a, b, sum);
      a.next_k();
      b += tile_width;
    }
  };
  for (int r = 0; r < rows; ++r) {
    for (std::int64_t line = 0; line < soon.lines; ++line)
      __builtin_prefetch(soon.data + 16 * line);
    soon.data += soon.stride;
    multiply(depth / rows);
  }
  multiply(depth % rows);
}

}  // namespace sovren::nn::SOVREN_LEVEL
