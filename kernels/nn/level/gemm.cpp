// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/gemm.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/gemm_output.h"
#include "kernels/nn/level/pack.h"
#include "kernels/nn/level/simd.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

// The tile of C that the registers hold: tile_rows x tile_vectors sixteens.
#if defined(__AVX512F__)
constexpr int tile_rows = 14, tile_vectors = 2;  // 28 of 32 registers
#elif defined(__AVX2__)
constexpr int tile_rows = 6, tile_vectors = 1;  // 12 of 16 registers
#else
constexpr int tile_rows = 4, tile_vectors = 1;
#endif
constexpr int width = 16 * tile_vectors;

struct Tile {
  F16 sum[tile_rows][tile_vectors];
};

/// sum = A B over `depth` products, in the order of k. a: element (row, k) is
/// a[row * row_stride + k * k_stride].
inline void multiply_tile(std::int64_t depth, const float* a, std::int64_t row_stride,
                          std::int64_t k_stride, const float* b, Tile& tile) {
  F16 sum[tile_rows][tile_vectors];
#pragma GCC unroll 16
  for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; ++v) sum[r][v] = F16::all(0);
  for (std::int64_t k = 0; k < depth; ++k) {
    F16 column[tile_vectors];
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; ++v) column[v] = F16::load(b + 16 * v);
#pragma GCC unroll 16
    for (int r = 0; r < tile_rows; ++r) {
      const F16 factor = F16::all(a[r * row_stride]);
#pragma GCC unroll 2
      for (int v = 0; v < tile_vectors; ++v) sum[r][v] = fma(factor, column[v], sum[r][v]);
    }
    a += k_stride;
    b += width;
  }
#pragma GCC unroll 16
  for (int r = 0; r < tile_rows; ++r)
#pragma GCC unroll 2
    for (int v = 0; v < tile_vectors; ++v) tile.sum[r][v] = sum[r][v];
}

/// One block of C at work: its sums over the blocks of k before this one are in `partial`, tile
/// after tile.
template <Rounding rounding>
class Multiplication {
 public:
  Multiplication(const GemmBlock& block, MatrixView a, const float* panels, const GemmOutput& c,
                 float* scratch)
      : block_(block),
        a_(a),
        panels_(panels),
        c_(c),
        packed_(scratch),
        partial_(scratch + gemm_packed_rows) {}

  void run() {
    std::int64_t first = 0;
    do {
      const std::int64_t left = block_.k - first;
      multiply_k_block(first, left < gemm_k_block ? left : gemm_k_block);
      first += gemm_k_block;
    } while (first < block_.k);
  }

 private:
  void multiply_k_block(std::int64_t first, std::int64_t depth) {
    pack_rows(first, depth);
    float* partial = partial_;
    for (std::int64_t column = 0; column < block_.columns; column += width) {
      const float* panel = panels_ + column * block_.k + first * width;
      for (std::int64_t row = 0; row < block_.rows; row += tile_rows) {
        Tile tile;
        if (is_direct(row))
          multiply_tile(depth, a_at(row, first), a_.row_stride, 1, panel, tile);
        else
          multiply_tile(depth, packed_ + row * gemm_k_block, 1, tile_rows, panel, tile);
        if (first > 0) add_partial(partial, tile);
        if (first + depth < block_.k)
          store_partial(tile, partial);
        else
          write(row, column, tile);
        partial += tile_rows * width;
      }
    }
  }

  bool is_direct(std::int64_t row) const {
    return rounding == Rounding::none && a_.column_stride == 1 && block_.rows - row >= tile_rows;
  }
  const float* a_at(std::int64_t row, std::int64_t k) const {
    return a_.data + (block_.row + row) * a_.row_stride + k * a_.column_stride;
  }
  void pack_rows(std::int64_t first, std::int64_t depth) {
    for (std::int64_t row = 0; row < block_.rows; row += tile_rows)
      if (!is_direct(row))
        pack_panel<tile_rows, rounding>(a_at(row, first), a_.row_stride, a_.column_stride, depth,
                                        block_.rows - row, packed_ + row * gemm_k_block);
  }
  static void add_partial(const float* partial, Tile& tile) {
    for (int r = 0; r < tile_rows; ++r)
      for (int v = 0; v < tile_vectors; ++v)
        tile.sum[r][v] = F16::load(partial + r * width + 16 * v) + tile.sum[r][v];
  }
  static void store_partial(const Tile& tile, float* partial) {
    for (int r = 0; r < tile_rows; ++r)
      for (int v = 0; v < tile_vectors; ++v) tile.sum[r][v].store(partial + r * width + 16 * v);
  }
  void write(std::int64_t row, std::int64_t column, const Tile& tile) const {
    for (int r = 0; r < tile_rows && row + r < block_.rows; ++r)
      for (int v = 0; v < tile_vectors; ++v) {
        const int count = lanes_of(block_.columns - column - 16 * v);
        if (count > 0)
          finish(c_, block_.row + row + r, block_.column + column + 16 * v, count, tile.sum[r][v]);
      }
  }

  const GemmBlock& block_;
  MatrixView a_;
  const float* panels_;
  const GemmOutput& c_;
  float* packed_;
  float* partial_;
};

template <Rounding rounding>
void pack(MatrixView b, std::int64_t k, std::int64_t columns, std::int64_t column, float* panel) {
  pack_panel<width, rounding>(b.data + column * b.column_stride, b.column_stride, b.row_stride, k,
                              columns - column, panel);
}

template <Rounding rounding>
void multiply(const GemmBlock& block, MatrixView a, const float* panels, const GemmOutput& c,
              float* scratch) {
  Multiplication<rounding>(block, a, panels, c, scratch).run();
}

constexpr GemmKernels kernels{.panel_width = width,
                              .fp32 = {pack<Rounding::none>, multiply<Rounding::none>},
                              .bf16 = {pack<Rounding::bf16>, multiply<Rounding::bf16>}};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const GemmKernels& kernels_of<GemmKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
