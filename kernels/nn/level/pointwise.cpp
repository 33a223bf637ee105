// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/level/pointwise.h"

#include "kernels/nn/level.h"
#include "kernels/nn/level/gelu.h"
#include "kernels/nn/level/lanes.h"
#include "kernels/nn/level/philox.h"

namespace sovren::nn {
namespace SOVREN_LEVEL {
namespace {

// body(factors, first, count): the factors of elements first .. first + count - 1 of the range.
template <class Body>
void by_factors(const DropoutRange& dropout, std::int64_t size, const Body& body) {
  float factors[64];
  for (std::int64_t at = 0; at < size;) {
    const std::uint64_t element = dropout.first + static_cast<std::uint64_t>(at);
    const auto inside = static_cast<std::int64_t>(element % 64);
    const std::int64_t count = size - at < 64 - inside ? size - at : 64 - inside;
    dropout_factors(dropout.seed, dropout.stream, element / 64, dropout.threshold, dropout.scale,
                    factors);
    body(factors + inside, at, count);
    at += count;
  }
}

void add_dropped(const DropoutRange& dropout, std::int64_t size, const float* x, float* y) {
  by_factors(dropout, size, [&](const float* factors, std::int64_t first, std::int64_t count) {
    by_lanes(count, [&](auto lanes, std::int64_t i) {
      const F16 sum =
          fma(lanes.load(x + first + i), lanes.load(factors + i), lanes.load(y + first + i));
      lanes.store(sum, y + first + i);
    });
  });
}

void drop(const DropoutRange& dropout, std::int64_t size, float* x) {
  by_factors(dropout, size, [&](const float* factors, std::int64_t first, std::int64_t count) {
    by_lanes(count, [&](auto lanes, std::int64_t i) {
      lanes.store(lanes.load(x + first + i) * lanes.load(factors + i), x + first + i);
    });
  });
}

// Four rows at a time: a quarter of the passes over the sums.
void add_columns(std::int64_t rows, std::int64_t width, std::int64_t stride, const float* x,
                 float* sums) {
  std::int64_t row = 0;
  for (; row + 4 <= rows; row += 4, x += 4 * stride)
    by_lanes(width, [&](auto lanes, std::int64_t i) {
      const F16 a = lanes.load(x + i) + lanes.load(x + stride + i);
      const F16 b = lanes.load(x + 2 * stride + i) + lanes.load(x + 3 * stride + i);
      lanes.store(lanes.load(sums + i) + (a + b), sums + i);
    });
  for (; row < rows; ++row, x += stride)
    by_lanes(width, [&](auto lanes, std::int64_t i) {
      lanes.store(lanes.load(sums + i) + lanes.load(x + i), sums + i);
    });
}

void gelu_forward(std::int64_t size, const float* x, float* y) {
  by_lanes(size, [&](auto lanes, std::int64_t i) { lanes.store(gelu(lanes.load(x + i)), y + i); });
}

void gelu_backward(std::int64_t size, const float* x, const float* d_y, float* d_x) {
  by_lanes(size, [&](auto lanes, std::int64_t i) {
    lanes.store(lanes.load(d_y + i) * gelu_slope(lanes.load(x + i)), d_x + i);
  });
}

F16 sigmoid(F16 x) {
  const F16 one = F16::all(1);
  return one / (one + exp(F16::all(0) - x));
}

void swiglu_forward(std::int64_t hidden, const float* gate, const float* up, float* y) {
  by_lanes(hidden, [&](auto lanes, std::int64_t i) {
    const F16 g = lanes.load(gate + i);
    lanes.store(g * sigmoid(g) * lanes.load(up + i), y + i);
  });
}

// silu(g) = g s; silu'(g) = s (1 + g (1 - s)), s = sigmoid(g).
void swiglu_backward(std::int64_t hidden, const float* gate, const float* up, const float* d_y,
                     float* d_gate, float* d_up) {
  by_lanes(hidden, [&](auto lanes, std::int64_t i) {
    const F16 g = lanes.load(gate + i), d = lanes.load(d_y + i), one = F16::all(1);
    const F16 s = sigmoid(g);
    const F16 slope = s * fma(g, one - s, one);
    lanes.store(d * lanes.load(up + i) * slope, d_gate + i);
    lanes.store(d * (g * s), d_up + i);
  });
}

constexpr PointwiseKernels kernels{add_dropped,   drop,           add_columns,    gelu_forward,
                                   gelu_backward, swiglu_forward, swiglu_backward};

}  // namespace
}  // namespace SOVREN_LEVEL

template <>
const PointwiseKernels& kernels_of<PointwiseKernels, Level::SOVREN_LEVEL>() {
  return SOVREN_LEVEL::kernels;
}

}  // namespace sovren::nn
