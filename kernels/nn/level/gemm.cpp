// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/gemm.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/gemm_output.h"
#include "kernels/nn/level/pack.h"
#include "kernels/nn/level/simd.h"
#include "kernels/nn/level/tile.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

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
  struct Place {
    std::int64_t row, column;  ///< of the tile, within the block
    std::int64_t k, depth;     ///< the block of k
    float* partial;
  };
  static constexpr std::int64_t packed_stride = row_pitch * gemm_k_block + 16;

  // Row of tiles after row of tiles: C is written as its memory lies, and B comes from the second
  // cache fast enough.
  void multiply_k_block(std::int64_t first, std::int64_t depth) {
    const std::int64_t whole = is_direct() ? block_.rows / tile_rows * tile_rows : 0;
    pack_from(whole, first, depth);
    const std::int64_t rows = (block_.rows + tile_rows - 1) / tile_rows;
    const std::int64_t columns = (block_.columns + tile_width - 1) / tile_width;
    for (std::int64_t tile = 0; tile < rows * columns; ++tile) {
      const std::int64_t row = tile / columns;
      const Place place{.row = row * tile_rows,
                        .column = tile % columns * tile_width,
                        .k = first,
                        .depth = depth,
                        .partial = partial_ + tile * tile_rows * tile_width};
      const Soon soon =
          first + depth < block_.k ? soon_of_a(place, tile, columns) : soon_of_c(place);
      const PackedRows packed{packed_ + row * packed_stride};
      if (place.row < whole)
        do_tile<tile_rows>(StridedRows(a_at(place.row, first), a_.row_stride), place, soon);
      else if (block_.rows - place.row > few_rows)
        do_tile<tile_rows>(packed, place, soon);
      else
        do_tile<few_rows>(packed, place, soon);
    }
  }

  /// While a tile is made: its part of what the next block of k reads of A.
  Soon soon_of_a(const Place& place, std::int64_t tile, std::int64_t columns) const {
    const std::int64_t next = place.k + gemm_k_block;
    if (a_.column_stride != 1)
      return {a_at(0, next + tile * tile_rows), a_.column_stride, (block_.rows + 31) / 16};
    const std::int64_t lines = (gemm_k_block / 16 + columns - 1) / columns;
    return {a_at(place.row, next + place.column / tile_width * lines * 16), a_.row_stride, lines};
  }
  /// The next tile's place in C.
  Soon soon_of_c(const Place& place) const {
    return {c_at(place) + tile_width, c_.row_stride, tile_vectors};
  }
  float* c_at(const Place& place) const {
    return c_.data + (block_.row + place.row) * c_.row_stride + block_.column + place.column;
  }

  /// Are rows of A read where they lie? Not if they would fall on the same places of the cache.
  bool is_direct() const {
    return rounding == Rounding::none && a_.column_stride == 1 && a_.row_stride % 1024 != 0;
  }
  const float* a_at(std::int64_t row, std::int64_t k) const {
    return a_.data + (block_.row + row) * a_.row_stride + k * a_.column_stride;
  }
  void pack_from(std::int64_t row, std::int64_t first, std::int64_t depth) {
    pack_panels<tile_rows, row_pitch, rounding>({.from = a_at(row, first),
                                                 .stride = a_.row_stride,
                                                 .k_stride = a_.column_stride,
                                                 .depth = depth,
                                                 .count = block_.rows - row},
                                                packed_ + row / tile_rows * packed_stride,
                                                packed_stride);
  }

  template <int rows, class Rows>
  [[gnu::noinline]] void do_tile(Rows a, const Place& place, const Soon& soon) const {
    const float* panel = panels_ + place.column * block_.k + place.k * tile_width;
    Sums<rows> sum;
    multiply_tile<rows>(place.depth, a, panel, soon, sum);
    if (place.k > 0)
      for_tile<rows>([&](int r, int v) {
        sum[r][v] = F16::load(place.partial + r * tile_width + 16 * v) + sum[r][v];
      });
    const bool is_last = place.k + place.depth >= block_.k;
    if (is_last && is_plain(rows, place)) {
      write_plainly<rows>(block_.column + place.column, c_at(place), sum);
      return;
    }
    for_tile<rows>([&](int r, int v) { sum[r][v].store(place.partial + r * tile_width + 16 * v); });
    if (is_last) write(place);
  }

  bool is_plain(int rows, const Place& place) const {
    return c_.before_gelu == nullptr && c_.gelu_input == nullptr &&
           block_.rows - place.row >= rows && block_.columns - place.column >= tile_width;
  }
  /// A whole tile, straight from the registers.
  template <int rows>
  [[gnu::always_inline]] void write_plainly(std::int64_t column, float* to, Sums<rows>& sum) const {
    if (c_.bias != nullptr) {
      F16 bias[tile_vectors];
      for (int v = 0; v < tile_vectors; ++v) bias[v] = F16::load(c_.bias + column + 16 * v);
      for_tile<rows>([&](int r, int v) { sum[r][v] = sum[r][v] + bias[v]; });
    }
    if (c_.write == GemmOutput::Write::add)
      for_tile<rows>([&](int r, int v) {
        sum[r][v] = sum[r][v] + F16::load(to + r * c_.row_stride + 16 * v);
      });
    for_tile<rows>([&](int r, int v) { sum[r][v].store(to + r * c_.row_stride + 16 * v); });
  }
  void write(const Place& place) const {
    for (int r = 0; r < tile_rows && place.row + r < block_.rows; ++r)
      for (int v = 0; v < tile_vectors; ++v) {
        const int count = lanes_of(block_.columns - place.column - 16 * v);
        if (count > 0)
          finish(c_, block_.row + place.row + r, block_.column + place.column + 16 * v, count,
                 F16::load(place.partial + r * tile_width + 16 * v));
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
  const std::int64_t left = columns - column;
  pack_panels<tile_width, tile_width, rounding>({.from = b.data + column * b.column_stride,
                                                 .stride = b.column_stride,
                                                 .k_stride = b.row_stride,
                                                 .depth = k,
                                                 .count = left < tile_width ? left : tile_width},
                                                panel, k * tile_width);
}

template <Rounding rounding>
void multiply(const GemmBlock& block, MatrixView a, const float* panels, const GemmOutput& c,
              float* scratch) {
  Multiplication<rounding>(block, a, panels, c, scratch).run();
}

constexpr GemmKernels kernels{.panel_width = tile_width,
                              .fp32 = {pack<Rounding::none>, multiply<Rounding::none>},
                              .bf16 = {pack<Rounding::bf16>, multiply<Rounding::bf16>}};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const GemmKernels& kernels_of<GemmKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
