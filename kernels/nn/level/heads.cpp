// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/heads.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/attention.h"
#include "kernels/nn/level/transpose.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

void pack(int rows, int row_end, int width, int stride, float factor, const float* from,
          std::int64_t from_stride, float* to) {
  const F16 by = F16::all(factor);
  for (int row = 0; row < rows; ++row)
    for (int i = 0; i < stride; i += 16)
      (load_left(from + row * from_stride + i, width - i) * by).store(to + row * stride + i);
  for (int i = rows * stride; i < row_end * stride; i += 16) F16::all(0).store(to + i);
}

void transpose_block(int rows, int stride, const float* from, float* to) {
  for (int row = 0; row < rows; row += 16)
    for (int column = 0; column < stride; column += 16) {
      F16 tile[16];
      for (int i = 0; i < 16; ++i) tile[i] = F16::load(from + (row + i) * stride + column);
      transpose(tile);
      for (int i = 0; i < 16; ++i) tile[i].store(to + (column + i) * attention_block + row);
    }
}

void unpack(int rows, int width, int stride, const float* factors, const float* from, float* to,
            std::int64_t to_stride) {
  for (int row = 0; row < rows; ++row) {
    const F16 by = F16::all(factors[row]);
    for (int i = 0; i < width; i += 16)
      store_left(F16::load(from + row * stride + i) * by, to + row * to_stride + i, width - i);
  }
}

void row_products(int rows, int stride, const float* a, const float* b, float* sums) {
  for (int row = 0; row < rows; row += 16) {
    F16 products[16];
    for (int i = 0; i < 16; ++i) {
      const int at = (row + i) * stride;
      products[i] = F16::load(a + at) * F16::load(b + at);
      for (int j = 16; j < stride; j += 16)
        products[i] = fma(F16::load(a + at + j), F16::load(b + at + j), products[i]);
    }
    row_sums(products).store(sums + row);
  }
}

void rotate(int heads, int half, const float* cosines, const float* sines, float direction,
            float* x) {
  const F16 way = F16::all(direction), zero = F16::all(0);
  for (int i = 0; i < half; i += 16) {
    const int left = half - i;
    const F16 cosine = load_left(cosines + i, left), sine = load_left(sines + i, left) * way;
    for (int head = 0; head < heads; ++head) {
      float* first = x + head * 2 * half + i;
      const F16 a = load_left(first, left), b = load_left(first + half, left);
      store_left(fma(a, cosine, zero - b * sine), first, left);
      store_left(fma(b, cosine, a * sine), first + half, left);
    }
  }
}

/// scores = factor x q . keys, -big beyond `tokens`; returns the largest.
float decode_scores(int tokens, int width, std::int64_t key_stride, float factor, const float* q,
                    const float* keys, float* scores) {
  const F16 lowest = F16::all(-3e38F);
  F16 most = lowest;
  for (int token = 0; token < tokens; token += 16) {
    F16 products[16];
    const int count = tokens - token < 16 ? tokens - token : 16;
    for (int i = 0; i < 16; ++i) {
      products[i] = F16::all(0);
      if (i >= count) continue;
      const float* key = keys + (token + i) * key_stride;
      for (int j = 0; j < width; j += 16)
        products[i] = fma(load_left(q + j, width - j), load_left(key + j, width - j), products[i]);
    }
    const F16 sums = row_sums(products) * F16::all(factor);
    const F16 in = where_less(lane_numbers(), F16::all(static_cast<float>(count)), sums, lowest);
    in.store(scores + token);
    most = max(most, in);
  }
  return largest(most);
}

void decode(int tokens, int width, std::int64_t key_stride, float factor, const float* q,
            const float* keys, const float* values, float* scores, float* out) {
  const F16 most = F16::all(decode_scores(tokens, width, key_stride, factor, q, keys, scores));
  F16 sums = F16::all(0);
  for (int token = 0; token < tokens; token += 16) {
    const F16 p = exp(F16::load(scores + token) - most);
    p.store(scores + token);
    sums = sums + p;
  }
  const F16 total = F16::all(sum(sums));
  for (int i = 0; i < width; i += 16) {
    F16 at = F16::all(0);
    for (int token = 0; token < tokens; ++token)
      at = fma(F16::all(scores[token]), load_left(values + token * key_stride + i, width - i), at);
    store_left(at / total, out + i, width - i);
  }
}

constexpr HeadKernels kernels{pack, transpose_block, unpack, row_products, rotate, decode};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const HeadKernels& kernels_of<HeadKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
