// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/pointwise.h"

#include <cmath>

#include "kernels/nn/level/pointwise.h"
#include "tests/unit/nn/bits.h"

namespace sovren::nn {
namespace {

struct Size {
  std::int64_t rows, width;
  std::size_t elements() const { return static_cast<std::size_t>(rows * width); }
};
constexpr Size sizes[] = {{1, 20}, {33, 257}, {130, 128}, {300, 64}};

double wide(float x) {
  return static_cast<double>(x);
}

std::uint64_t element(const Dropout& dropout, const Size& size, std::size_t i) {
  return static_cast<std::uint64_t>(dropout.first_row * size.width) + i;
}

TEST(AddResidual, AddsWhereDropoutIsOff) {
  Team team(2);
  for (const Size& size : sizes) {
    const std::vector<float> x = normal_numbers(size.elements(), 1);
    const std::vector<float> before = normal_numbers(size.elements(), 2);
    std::vector<float> y = before;
    add_residual(team, size.rows, size.width, x.data(), {}, y.data());
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], before[i] + x[i]) << i;
  }
}

TEST(AddResidual, DropsWhatDropoutSays) {
  Team team(2);
  const Dropout dropout{.rate = 0.3F, .seed = 11, .stream = 1ULL << 40 | 12, .first_row = 7};
  for (const Size& size : sizes) {
    const std::vector<float> x = normal_numbers(size.elements(), 1);
    const std::vector<float> before = normal_numbers(size.elements(), 2);
    std::vector<float> y = before, in_place = x;
    add_residual(team, size.rows, size.width, x.data(), dropout, y.data());
    apply_dropout(team, size.rows, size.width, dropout, in_place.data());
    for (std::size_t i = 0; i < y.size(); ++i) {
      const float factor = dropout.drops(element(dropout, size, i)) ? 0 : 1 / (1 - 0.3F);
      ASSERT_EQ(y[i], std::fma(x[i], factor, before[i])) << i;
      ASSERT_EQ(in_place[i], x[i] * factor) << i;
    }
  }
}

TEST(ApplyDropout, IsTheSameForRowsInTwoPieces) {
  Team team(2);
  const Size size{33, 257};
  const Dropout dropout{.rate = 0.5F, .seed = 3, .stream = 4, .first_row = 1'000'000'007};
  std::vector<float> whole = normal_numbers(size.elements(), 1), pieces = whole;
  apply_dropout(team, size.rows, size.width, dropout, whole.data());
  Dropout later = dropout;
  later.first_row += 20;
  apply_dropout(team, 20, size.width, dropout, pieces.data());
  apply_dropout(team, 13, size.width, later, pieces.data() + 20 * size.width);
  expect_same_bits(whole, pieces, "in two pieces");
}

TEST(ApplyDropout, KeepsTheExpectation) {
  Team team(2);
  constexpr std::int64_t rows = 1000, width = 1000;
  for (const float rate : {0.1F, 0.5F, 0.9F}) {
    std::vector<float> x(rows * width, 1);
    apply_dropout(team, rows, width, {.rate = rate, .seed = 5, .stream = 6}, x.data());
    double sum = 0;
    for (const float value : x) sum += wide(value);
    const double deviation = std::sqrt(wide(rate) / (1 - wide(rate)) / (rows * width));
    EXPECT_NEAR(sum / (rows * width), 1, 4 * deviation) << rate;
  }
}

TEST(ApplyDropout, OffTouchesNothing) {
  Team team(1);
  const std::vector<float> before = normal_numbers(300, 1);
  std::vector<float> x = before;
  apply_dropout(team, 3, 100, {}, x.data());
  expect_same_bits(x, before, "off");
}

TEST(AddColumnSums, AreTheSums) {
  Team team(2);
  for (const Size& size : sizes) {
    const std::int64_t stride = size.width + 13;
    const std::vector<float> x = normal_numbers(static_cast<std::size_t>(size.rows * stride), 1);
    const std::vector<float> before = normal_numbers(static_cast<std::size_t>(size.width), 2);
    std::vector<float> sums = before;
    add_column_sums(team, size.rows, size.width, stride, x.data(), sums.data());
    for (std::size_t column = 0; column < sums.size(); ++column) {
      double expected = wide(before[column]);
      for (std::int64_t row = 0; row < size.rows; ++row)
        expected += wide(x[static_cast<std::size_t>(row * stride) + column]);
      ASSERT_NEAR(sums[column], expected, 2e-5) << column;
    }
  }
}

double plain_gelu(double x) {
  return 0.5 * x *
         (1 + std::tanh(std::sqrt(2 / 3.14159265358979323846) * (x + 0.044715 * x * x * x)));
}
double plain_silu(double x) {
  return x / (1 + std::exp(-x));
}

template <class Function>
double slope(const Function& f, double x) {
  return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
}

/// Normal numbers with some far out.
std::vector<float> spread_numbers(std::size_t count) {
  std::vector<float> x = normal_numbers(count, 1, 2);
  for (std::size_t i = 0; i < count; i += 10) x[i] *= 20;
  return x;
}

TEST(Gelu, IsTheFormulaAndItsSlope) {
  constexpr std::size_t size = 20'003;
  Team team(2);
  const std::vector<float> x = spread_numbers(size), d_y = normal_numbers(size, 2);
  std::vector<float> y(size), d_x = d_y;
  gelu_forward(team, size, x.data(), y.data());
  gelu_backward(team, size, x.data(), d_x.data(), d_x.data());
  for (std::size_t i = 0; i < size; ++i) {
    ASSERT_NEAR(y[i], plain_gelu(wide(x[i])), 5e-7 * (1 + std::abs(wide(y[i])))) << x[i];
    ASSERT_NEAR(d_x[i], wide(d_y[i]) * slope(plain_gelu, wide(x[i])), 3e-6) << x[i];
  }
}

TEST(SwiGlu, IsTheFormulaAndItsSlope) {
  Team team(2);
  for (const Size& size : sizes) {
    const std::vector<float> x = spread_numbers(2 * size.elements());
    const std::vector<float> d_y = normal_numbers(size.elements(), 2);
    std::vector<float> y(size.elements()), d_x(x.size());
    swiglu_forward(team, size.rows, size.width, x.data(), y.data());
    swiglu_backward(team, size.rows, size.width, x.data(), d_y.data(), d_x.data());
    const auto hidden = static_cast<std::size_t>(size.width);
    for (std::size_t i = 0; i < y.size(); ++i) {
      const std::size_t gate = i / hidden * 2 * hidden + i % hidden, up = gate + hidden;
      const double g = wide(x[gate]), u = wide(x[up]), d = wide(d_y[i]);
      const double expected[] = {plain_silu(g) * u, d * u * slope(plain_silu, g),
                                 d * plain_silu(g)};
      ASSERT_NEAR(y[i], expected[0], 1e-6 * (1 + std::abs(expected[0]))) << g;
      ASSERT_NEAR(d_x[gate], expected[1], 3e-6 * (1 + std::abs(d * u))) << g;
      ASSERT_NEAR(d_x[up], expected[2], 1e-6 * (1 + std::abs(expected[2]))) << g;
    }
  }
}

TEST(Pointwise, ThreadsGiveTheSameBits) {
  constexpr std::int64_t rows = 301, width = 257;
  constexpr std::size_t size = rows * width;
  const std::vector<float> x = normal_numbers(2 * size, 1), d_y = normal_numbers(size, 2);
  expect_same_bits_for_any_team([&](Team& team) {
    std::vector<float> residual = d_y, sums(width), gelu(size), swiglu(size), d_swiglu(2 * size);
    add_residual(team, rows, width, x.data(), {.rate = 0.2F, .seed = 1}, residual.data());
    add_column_sums(team, rows, width, width, x.data(), sums.data());
    gelu_backward(team, size, x.data(), d_y.data(), gelu.data());
    swiglu_forward(team, rows, width, x.data(), swiglu.data());
    swiglu_backward(team, rows, width, x.data(), d_y.data(), d_swiglu.data());
    return joined({residual, sums, gelu, swiglu, d_swiglu});
  });
}

TEST(Pointwise, LevelsGiveTheSameBits) {
  constexpr std::int64_t size = 1003;
  const std::vector<float> x = spread_numbers(size), d_y = normal_numbers(size, 2);
  expect_same_bits_at_all_levels<PointwiseKernels>([&](const PointwiseKernels& kernels) {
    std::vector<float> added = d_y, dropped = x, sums(59), gelu(size), d_gelu(size), swiglu(size),
                       d_gate(size), d_up(size);
    const DropoutRange dropout{5, 6, 1'234'567'890'123, 1U << 30, 1.5F};
    kernels.add_dropped(dropout, size, x.data(), added.data());
    kernels.drop(dropout, size, dropped.data());
    kernels.add_columns(17, 59, 59, x.data(), sums.data());
    kernels.gelu_forward(size, x.data(), gelu.data());
    kernels.gelu_backward(size, x.data(), d_y.data(), d_gelu.data());
    kernels.swiglu_forward(size, x.data(), d_y.data(), swiglu.data());
    kernels.swiglu_backward(size, x.data(), d_y.data(), gelu.data(), d_gate.data(), d_up.data());
    return joined({added, dropped, sums, gelu, d_gelu, swiglu, d_gate, d_up});
  });
}

}  // namespace
}  // namespace sovren::nn
