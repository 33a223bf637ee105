// SPDX-License-Identifier: Apache-2.0
// Compiled with the flags of AMX, in a namespace of its own (CMakeLists.txt).
#include "kernels/nn/level/gemm_amx.h"

#include "kernels/nn/level/gemm_output.h"
#include "kernels/nn/level/pack.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

using Half = std::uint16_t;  // a bfloat16

constexpr std::int64_t side = 16;                   // rows of a tile
constexpr std::int64_t depth = 32;                  // products of a tile instruction
constexpr std::int64_t tile_halves = side * depth;  // 1 KiB
static_assert(gemm_most_rows % side == 0 && amx_k_block % depth == 0);

std::int64_t steps_of(std::int64_t k) {
  return (k + depth - 1) / depth;
}

struct alignas(64) TileShapes {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t bytes_per_row[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

F16 load_in(const float* from, std::int64_t left) {
  return left >= side ? F16::load(from) : F16::load_some(from, lanes_of(left));
}

/// Sixteen of `first`, then sixteen of `second`, as bfloat16.
__m512i halves_of(F16 first, F16 second) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second.v, first.v));
}

/// Lane i: (first[i], second[i]) as two bfloat16.
__m512i pairs_of(F16 first, F16 second) {
  alignas(64) static constexpr std::uint16_t order[32] = {
      0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
      8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  return _mm512_permutexvar_epi16(_mm512_load_si512(order), halves_of(first, second));
}

/// Sixteen lines of `depth` numbers each, contiguous: a tile with a row for each line.
/// left, deep: lines and numbers that there are; the rest is 0.
void pack_lines(const float* from, std::int64_t stride, std::int64_t left, std::int64_t deep,
                F16 (&row)[16]) {
  for (std::int64_t i = 0; i < side; ++i) {
    if (i >= left) {
      row[i] = F16::all(0);
      continue;
    }
    const float* line = from + i * stride;
    const F16 second = deep > side ? load_in(line + side, deep - side) : F16::all(0);
    row[i].v = _mm512_castsi512_ps(halves_of(load_in(line, deep), second));
  }
}

/// `depth` lines of sixteen numbers each: row p holds the pairs (line 2p, line 2p + 1).
void pack_pairs(const float* from, std::int64_t stride, std::int64_t left, std::int64_t deep,
                F16 (&row)[16]) {
  for (std::int64_t p = 0; p < side; ++p) {
    const float* line = from + 2 * p * stride;
    const F16 first = 2 * p < deep ? load_in(line, left) : F16::all(0);
    const F16 second = 2 * p + 1 < deep ? load_in(line + stride, left) : F16::all(0);
    row[p].v = _mm512_castsi512_ps(pairs_of(first, second));
  }
}

void store_tile(const F16 (&row)[16], Half* to) {
  for (std::int64_t i = 0; i < side; ++i)
    _mm512_store_si512(to + i * depth, _mm512_castps_si512(row[i].v));
}

/// A panel of B: of each `depth` of k two tiles side by side, row p of a tile the pairs of k = 2p,
/// 2p + 1 of its sixteen columns.
void pack(MatrixView b, std::int64_t k, std::int64_t columns, std::int64_t column, float* panel) {
  Half* to = reinterpret_cast<Half*>(panel);
  for (std::int64_t at = 0; at < k; at += depth)
    for (std::int64_t half = 0; half < 2; ++half, to += tile_halves) {
      const std::int64_t first = column + half * side;
      const std::int64_t left = columns - first, deep = k - at;
      const float* from = b.data + at * b.row_stride + first * b.column_stride;
      F16 row[16];
      if (b.column_stride == 1) {
        pack_pairs(from, b.row_stride, left, deep, row);
      } else {
        pack_lines(from, b.column_stride, left, deep, row);
        transpose(row);
      }
      store_tile(row, to);
    }
}

/// Rows of A as tiles: row tile after row tile, each all of its k.
void pack_rows(MatrixView a, std::int64_t row, std::int64_t rows, std::int64_t k, std::int64_t deep,
               Half* to) {
  for (std::int64_t tile = 0; tile < rows; tile += side)
    for (std::int64_t at = 0; at < deep; at += depth, to += tile_halves) {
      const float* from = a.data + (row + tile) * a.row_stride + (k + at) * a.column_stride;
      F16 lines[16];
      if (a.column_stride == 1) {
        pack_lines(from, a.row_stride, rows - tile, deep - at, lines);
      } else {
        pack_pairs(from, a.column_stride, rows - tile, deep - at, lines);
        transpose(lines);
      }
      store_tile(lines, to);
    }
}

/// Where 32 x 32 sums lie, row after row.
struct Sums {
  float* data;
  std::int64_t pitch;  ///< floats
  float* at(std::int64_t row, std::int64_t column) const { return data + row * pitch + column; }
  std::int64_t bytes() const { return pitch * static_cast<std::int64_t>(sizeof(float)); }
};

/// Sums of 32 x 32 products (16 x 32 where one row tile is left) over `steps` tiles of k, added to
/// those in `before`, or to 0.
enum class Begin { at_zero, at_sums };
template <Begin begin, bool has_second>
void multiply_tiles(const Half* a, std::int64_t a_pitch, const Half* b, std::int64_t steps,
                    const Sums& before, const Sums& after) {
  if constexpr (begin == Begin::at_zero) {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  } else {
    _tile_loadd(0, before.at(0, 0), before.bytes());
    _tile_loadd(1, before.at(0, side), before.bytes());
    _tile_loadd(2, before.at(side, 0), before.bytes());
    _tile_loadd(3, before.at(side, side), before.bytes());
  }
  for (std::int64_t step = 0; step < steps; ++step) {
    _tile_loadd(4, a + step * tile_halves, 64);
    _tile_loadd(6, b + step * 2 * tile_halves, 64);
    _tile_loadd(7, b + step * 2 * tile_halves + tile_halves, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_dpbf16ps(1, 4, 7);
    if constexpr (has_second) {
      _tile_loadd(5, a + a_pitch + step * tile_halves, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
  }
  _tile_stored(0, after.at(0, 0), after.bytes());
  _tile_stored(1, after.at(0, side), after.bytes());
  _tile_stored(2, after.at(side, 0), after.bytes());
  _tile_stored(3, after.at(side, side), after.bytes());
}

using MultiplyTiles = void (*)(const Half*, std::int64_t, const Half*, std::int64_t, const Sums&,
                               const Sums&);

MultiplyTiles tiles_of(Begin begin, bool has_second) {
  if (begin == Begin::at_zero)
    return has_second ? multiply_tiles<Begin::at_zero, true>
                      : multiply_tiles<Begin::at_zero, false>;
  return has_second ? multiply_tiles<Begin::at_sums, true> : multiply_tiles<Begin::at_sums, false>;
}

/// Nothing is done with the sums but written.
bool is_plain(const GemmOutput& c) {
  return c.bias == nullptr && c.before_gelu == nullptr && c.gelu_input == nullptr &&
         c.write == GemmOutput::Write::set;
}

/// Has the lines that write_out() will touch come while the tiles are at work.
void expect_output(const GemmOutput& c, const GemmBlock& block, std::int64_t row,
                   std::int64_t column) {
  for (std::int64_t r = 0; r < 2 * side && row + r < block.rows; ++r) {
    const std::int64_t at = (block.row + row + r) * c.row_stride + block.column + column;
    for (std::int64_t v = 0; v < amx_panel_width && column + v < block.columns; v += side) {
      __builtin_prefetch(c.data + at + v, 1);
      if (c.before_gelu != nullptr) __builtin_prefetch(c.before_gelu + at + v, 1);
      if (c.gelu_input != nullptr) __builtin_prefetch(c.gelu_input + at + v, 0);
    }
  }
}

void write_out(const GemmOutput& c, const GemmBlock& block, std::int64_t row, std::int64_t column,
               const float* sums) {
  for (std::int64_t r = 0; r < 2 * side && row + r < block.rows; ++r)
    for (std::int64_t v = 0; v < amx_panel_width && column + v < block.columns; v += side)
      finish(c, block.row + row + r, block.column + column + v,
             lanes_of(block.columns - column - v), F16::load(sums + r * amx_panel_width + v));
}

void multiply(const GemmBlock& block, MatrixView a, const float* panels, const GemmOutput& c,
              float* scratch) {
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
  Half* packed = reinterpret_cast<Half*>(scratch);
  float* partial = scratch + amx_packed_rows;  // of all tiles, where k is long
  const std::int64_t places = (block.rows + 2 * side - 1) / (2 * side);
  for (std::int64_t k = 0; k < block.k; k += amx_k_block) {
    const std::int64_t deep = block.k - k < amx_k_block ? block.k - k : amx_k_block;
    const std::int64_t steps = steps_of(deep);
    const bool is_first = k == 0, is_last = k + deep == block.k;
    pack_rows(a, block.row, block.rows, k, deep, packed);
    for (std::int64_t column = 0; column < block.columns; column += amx_panel_width) {
      const Half* b =
          reinterpret_cast<const Half*>(panels + column * block.k) + k * amx_panel_width;
      for (std::int64_t place = 0; place < places; ++place) {
        const std::int64_t row = place * 2 * side;
        alignas(64) float local[2 * side * amx_panel_width];
        const bool is_whole =
            row + 2 * side <= block.rows && column + amx_panel_width <= block.columns;
        const std::int64_t tiles = column / amx_panel_width * places + place;
        const Sums kept{is_first && is_last ? local : partial + tiles * 2 * side * amx_panel_width,
                        amx_panel_width};
        const Sums output{c.data + (block.row + row) * c.row_stride + block.column + column,
                          c.row_stride};
        const bool is_direct = is_last && is_whole && is_plain(c);
        const Half* rows = packed + row / side * steps * tile_halves;
        if (is_last) expect_output(c, block, row, column);
        tiles_of(is_first ? Begin::at_zero : Begin::at_sums, row + side < block.rows)(
            rows, steps * tile_halves, b, steps, kept, is_direct ? output : kept);
        if (is_last && !is_direct) write_out(c, block, row, column, kept.data);
      }
    }
  }
  _tile_release();
}

constexpr GemmKernels::Steps steps{pack, multiply};

}  // namespace
}  // namespace SOVREN_LEVEL

const GemmKernels::Steps& amx_steps() {
  return SOVREN_LEVEL::steps;
}

}  // namespace sovren::nn
