// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/heads.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/attention.h"
#include "kernels/nn/level/lanes.h"
#include "kernels/nn/level/philox.h"
#include "kernels/nn/level/transpose.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

void pack(std::int64_t rows, std::int64_t row_end, std::int64_t width, std::int64_t stride,
          float factor, const float* from, std::int64_t from_stride, float* to) {
  const F16 by = F16::all(factor);
  for (std::int64_t row = 0; row < rows; ++row)
    by_lanes(width, [&](const auto& lanes, std::int64_t i) {
      (lanes.load(from + row * from_stride + i) * by).store(to + row * stride + i);
    });
  for (std::int64_t i = rows * stride; i < row_end * stride; i += 16) F16::all(0).store(to + i);
}

void transpose_block(std::int64_t rows, std::int64_t width, float factor, const float* from,
                     std::int64_t from_stride, float* to) {
  const F16 by = F16::all(factor);
  for (std::int64_t row = 0; row < rows; row += 16)
    for (std::int64_t column = 0; column < width; column += 16) {
      F16 tile[16];
      for (std::int64_t i = 0; i < 16; ++i)
        tile[i] = row + i < rows
                      ? load_left(from + (row + i) * from_stride + column, width - column) * by
                      : F16::all(0);
      transpose(tile);
      for (std::int64_t i = 0; i < 16; ++i)
        tile[i].store(to + (column + i) * attention_block + row);
    }
}

void unpack(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* factors,
            const float* from, float* to, std::int64_t to_stride) {
  for (std::int64_t row = 0; row < rows; ++row) {
    const F16 by = F16::all(factors[row]);
    by_lanes(width, [&](const auto& lanes, std::int64_t i) {
      lanes.store(F16::load(from + row * stride + i) * by, to + row * to_stride + i);
    });
  }
}

void row_products(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* a,
                  std::int64_t a_stride, const float* b, float* sums) {
  for (std::int64_t row = 0; row < rows; row += 16) {
    F16 products[16];
    for (std::int64_t i = 0; i < 16; ++i) {
      products[i] = F16::all(0);
      if (row + i >= rows) continue;
      const float *a_row = a + (row + i) * a_stride, *b_row = b + (row + i) * stride;
      for (std::int64_t j = 0; j < width; j += 16)
        products[i] = fma(load_left(a_row + j, width - j), F16::load(b_row + j), products[i]);
    }
    row_sums(products).store(sums + row);
  }
}

/// Factors of `count` elements, at most 64.
void keep_row(const DroppedBlock& block, std::uint64_t element, std::size_t count, float* factors) {
  std::uint32_t words[64 + 4 * blocks_at_once];
  const std::size_t skipped = element % 4;
  for (std::size_t i = 0; 4 * i < skipped + count; i += blocks_at_once)
    philox_words(block.seed, block.stream, element / 4 + i, words + 4 * i);
  const std::uint32_t threshold = block.threshold;
  const float scale = block.scale;
  for (std::size_t i = 0; i < count; ++i) factors[i] = words[skipped + i] < threshold ? 0 : scale;
}

void keep(const DroppedBlock& block, float* keep) {
  static_assert(attention_block == 64);
  for (std::int64_t query = 0; query < block.queries; query += 16) {
    const std::int64_t last_sees = (block.seen + query + 15) / 16 * 16;
    const std::int64_t count = last_sees < 64 ? last_sees : 64;
    float factors[16][64];
    for (std::int64_t i = 0; i < 16; ++i)
      keep_row(block, block.element + static_cast<std::uint64_t>(query + i) * block.row_elements,
               static_cast<std::size_t>(count), factors[i]);
    for (std::int64_t key = 0; key < count; key += 16) {
      F16 tile[16];
      for (std::int64_t i = 0; i < 16; ++i) tile[i] = F16::load(factors[i] + key);
      transpose(tile);
      for (std::int64_t i = 0; i < 16; ++i)
        tile[i].store(keep + (key + i) * attention_block + query);
    }
  }
}

void rotate(std::int64_t heads, std::int64_t half, const float* cosines, const float* sines,
            float direction, float* x) {
  const F16 way = F16::all(direction), zero = F16::all(0);
  for (std::int64_t i = 0; i < half; i += 16) {
    const std::int64_t left = half - i;
    const F16 cosine = load_left(cosines + i, left), sine = load_left(sines + i, left) * way;
    for (std::int64_t head = 0; head < heads; ++head) {
      float* first = x + head * 2 * half + i;
      const F16 a = load_left(first, left), b = load_left(first + half, left);
      store_left(fma(a, cosine, zero - b * sine), first, left);
      store_left(fma(b, cosine, a * sine), first + half, left);
    }
  }
}

/// scores = factor x q . keys, -big beyond `tokens`; returns the largest.
float decode_scores(std::int64_t tokens, std::int64_t width, std::int64_t key_stride, float factor,
                    const float* q, const float* keys, float* scores) {
  const F16 lowest = F16::all(-3e38F);
  F16 most = lowest;
  for (std::int64_t token = 0; token < tokens; token += 16) {
    F16 products[16];
    const std::int64_t count = tokens - token < 16 ? tokens - token : 16;
    for (std::int64_t i = 0; i < 16; ++i) {
      products[i] = F16::all(0);
      if (i >= count) continue;
      const float* key = keys + (token + i) * key_stride;
      for (std::int64_t j = 0; j < width; j += 16)
        products[i] = fma(load_left(q + j, width - j), load_left(key + j, width - j), products[i]);
    }
    const F16 sums = row_sums(products) * F16::all(factor);
    const F16 in = where_less(lane_numbers(), F16::all(static_cast<float>(count)), sums, lowest);
    in.store(scores + token);
    most = max(most, in);
  }
  return largest(most);
}

void decode(std::int64_t tokens, std::int64_t width, std::int64_t key_stride, float factor,
            const float* q, const float* keys, const float* values, float* scores, float* out) {
  const F16 most = F16::all(decode_scores(tokens, width, key_stride, factor, q, keys, scores));
  F16 sums = F16::all(0);
  for (std::int64_t token = 0; token < tokens; token += 16) {
    const F16 p = exp(F16::load(scores + token) - most);
    p.store(scores + token);
    sums = sums + p;
  }
  const F16 total = F16::all(sum(sums));
  for (std::int64_t i = 0; i < width; i += 16) {
    F16 at = F16::all(0);
    for (std::int64_t token = 0; token < tokens; ++token)
      at = fma(F16::all(scores[token]), load_left(values + token * key_stride + i, width - i), at);
    store_left(at / total, out + i, width - i);
  }
}

constexpr HeadKernels kernels{pack, transpose_block, unpack, row_products, keep, rotate, decode};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const HeadKernels& kernels_of<HeadKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
