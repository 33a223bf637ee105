// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>

#include "kernels/nn/level/gemm.h"
#include "tests/unit/nn/levels.h"

namespace sovren::nn {
namespace {

using Numbers = std::vector<float>;

/// A matrix with its memory: rows or columns contiguous, and a gap after each.
struct Matrix {
  std::int64_t rows, columns;
  bool is_turned;
  std::int64_t gap;
  Numbers data;

  Matrix(std::int64_t r, std::int64_t c, bool turned, std::uint64_t seed, std::int64_t after = 0)
      : rows(r),
        columns(c),
        is_turned(turned),
        gap(after),
        data(normal_numbers(static_cast<std::size_t>(turned ? c * (r + after) : r * (c + after)),
                            seed)) {}
  MatrixView view() const {
    if (is_turned) return {data.data(), 1, rows + gap};
    return {data.data(), columns + gap, 1};
  }
  float& at(std::int64_t row, std::int64_t column) {
    const MatrixView v = view();
    return data[static_cast<std::size_t>(row * v.row_stride + column * v.column_stride)];
  }
  float at(std::int64_t row, std::int64_t column) const {
    return const_cast<Matrix*>(this)->at(row, column);
  }
};

float as_bf16(float x) {
  std::uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  const std::uint32_t below = bits & 0xffffU, last = (bits >> 16) & 1U;
  bits &= 0xffff0000U;
  if (below > 0x8000U || (below == 0x8000U && last == 1)) bits += 0x10000U;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

double plain_gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
}
/// By central differences.
double plain_gelu_slope(double x) {
  return (plain_gelu(x + 1e-5) - plain_gelu(x - 1e-5)) / 2e-5;
}

/// The product and, for its tolerance, the sum of the terms' sizes.
struct PlainSum {
  double sum = 0, size = 0;
};
PlainSum plain_sum(const Matrix& a, const Matrix& b, std::int64_t row, std::int64_t column,
                   Precision precision) {
  PlainSum plain;
  for (std::int64_t k = 0; k < a.columns; ++k) {
    float x = a.at(row, k), y = b.at(k, column);
    if (precision == Precision::bf16) x = as_bf16(x), y = as_bf16(y);
    plain.sum += static_cast<double>(x) * static_cast<double>(y);
    plain.size += std::abs(static_cast<double>(x) * static_cast<double>(y));
  }
  return plain;
}

/// A product in a C that is wider than its columns.
Numbers product(const Matrix& a, const Matrix& b, int threads = 1,
                Precision precision = Precision::fp32) {
  Team team(threads);
  Numbers c(static_cast<std::size_t>(a.rows * b.columns), -77.0F);
  gemm(team, precision, {a.rows, b.columns, a.columns}, a.view(), b.view(),
       {.data = c.data(), .row_stride = b.columns});
  return c;
}

void expect_product(const Matrix& a, const Matrix& b, Precision precision) {
  const Numbers c = product(a, b, 1, precision);
  for (std::int64_t row = 0; row < a.rows; ++row)
    for (std::int64_t column = 0; column < b.columns; ++column) {
      const PlainSum plain = plain_sum(a, b, row, column, precision);
      ASSERT_NEAR(c[static_cast<std::size_t>(row * b.columns + column)], plain.sum,
                  1e-6 * plain.size + 1e-30)
          << a.rows << "x" << b.columns << "x" << a.columns << " at " << row << "," << column;
    }
}

struct Form {
  bool a_turned, b_turned;
};
constexpr Form forms[] = {{false, true}, {false, false}, {true, false}, {true, true}};

TEST(Gemm, IsThePlainProductInAllFormsAndShapes) {
  const GemmShape shapes[] = {{1, 1, 1},     {7, 33, 5},    {33, 7, 257},   {257, 33, 16},
                              {14, 32, 256}, {15, 31, 513}, {113, 65, 40},  {1, 257, 300},
                              {130, 1, 33},  {28, 600, 19}, {16, 16, 1000}, {150, 530, 70},
                              {49, 37, 2100}};
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const GemmShape& shape : shapes)
      for (const Form& form : forms)
        for (const std::int64_t gap : {0, 3})
          expect_product(Matrix(shape.m, shape.k, form.a_turned, 1, gap),
                         Matrix(shape.k, shape.n, form.b_turned, 2, gap), precision);
}

TEST(Gemm, OfNothingIsZero) {
  const Matrix a(3, 0, false, 1), b(0, 20, false, 2);
  EXPECT_EQ(product(a, b), Numbers(60, 0.0F));
}

TEST(Gemm, LeavesWhatIsBesideItsColumns) {
  const Matrix a(17, 9, false, 1), b(9, 21, false, 2);
  Numbers c(17 * 40, 5.0F);
  Team team(1);
  gemm(team, Precision::fp32, {17, 21, 9}, a.view(), b.view(),
       {.data = c.data(), .row_stride = 40});
  for (std::size_t i = 0; i < c.size(); ++i) ASSERT_EQ(c[i] == 5.0F, i % 40 >= 21) << i;
}

/// All that may be done with the sums, one by one and together.
struct Epilogue {
  bool has_bias, keeps, has_gelu_input, adds;
};

void expect_epilogue(const Epilogue& e, Precision precision) {
  constexpr std::int64_t m = 37, n = 45, k = 300;
  Matrix a(m, k, false, 1), b(k, n, true, 2);
  for (float& x : a.data) x *= 0.1F;
  const Numbers bias = normal_numbers(n, 3), input = normal_numbers(m * n, 4, 3),
                before = normal_numbers(m * n, 5);
  Numbers c = before, kept(m * n, -1.0F);
  Team team(2);
  gemm(team, precision, {m, n, k}, a.view(), b.view(),
       {.data = c.data(),
        .row_stride = n,
        .bias = e.has_bias ? bias.data() : nullptr,
        .before_gelu = e.keeps ? kept.data() : nullptr,
        .gelu_input = e.has_gelu_input ? input.data() : nullptr,
        .write = e.adds ? GemmOutput::Write::add : GemmOutput::Write::set});
  for (std::size_t i = 0; i < m * n; ++i) {
    const auto row = static_cast<std::int64_t>(i) / n, column = static_cast<std::int64_t>(i) % n;
    double x = plain_sum(a, b, row, column, precision).sum;
    if (e.has_bias) x += static_cast<double>(bias[static_cast<std::size_t>(column)]);
    if (e.keeps) {
      ASSERT_NEAR(kept[i], x, 1e-5) << i;
      x = plain_gelu(x);
    } else {
      ASSERT_EQ(kept[i], -1.0F) << i;
    }
    if (e.has_gelu_input) x *= plain_gelu_slope(static_cast<double>(input[i]));
    if (e.adds) x += static_cast<double>(before[i]);
    ASSERT_NEAR(c[i], x, 2e-5) << i;
  }
}

TEST(Gemm, DoesWithItsSumsWhatIsAsked) {
  for (int bits = 0; bits < 16; ++bits)
    for (const Precision precision : {Precision::fp32, Precision::bf16})
      expect_epilogue({(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0},
                      precision);
}

TEST(Gemm, GeluIsRightFarOutAndNearZero) {
  const Numbers wanted = {-1e30F, -20,  -10.5F, -9.5F, -5,   -1, -1e-20F, 0,
                          1e-20F, 0.3F, 1,      5,     9.5F, 20, 1e30F};
  const auto n = static_cast<std::int64_t>(wanted.size());
  const float one = 1;
  Numbers c(wanted.size()), kept(wanted.size()), slope(wanted.size());
  Team team(1);
  gemm(team, Precision::fp32, {1, n, 1}, {&one, 1, 1}, {wanted.data(), n, 1},
       {.data = c.data(), .row_stride = n, .before_gelu = kept.data()});
  const Numbers ones(wanted.size(), 1.0F);
  gemm(team, Precision::fp32, {1, n, 1}, {&one, 1, 1}, {ones.data(), n, 1},
       {.data = slope.data(), .row_stride = n, .gelu_input = wanted.data()});
  EXPECT_EQ(kept, wanted);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const double x = static_cast<double>(wanted[i]);
    const double far = x < 0 ? 0 : x;
    const double expected = std::abs(x) > 1e3 ? far : plain_gelu(x);
    EXPECT_NEAR(c[i], expected, 2e-7 * std::max(1.0, std::abs(expected))) << x;
    const double expected_slope = std::abs(x) > 1e3 ? (x < 0 ? 0 : 1) : plain_gelu_slope(x);
    EXPECT_NEAR(slope[i], expected_slope, 1e-6) << x;
  }
}

TEST(Gemm, NanAndInfinityReachTheirRowAndColumnAndNoOther) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const Form& form : forms) {
      Matrix a(30, 50, form.a_turned, 1), b(50, 40, form.b_turned, 2);
      a.at(3, 49) = nan;
      b.at(0, 39) = infinity;
      const Numbers c = product(a, b, 1, precision);
      for (std::size_t i = 0; i < c.size(); ++i) {
        const std::size_t row = i / 40, column = i % 40;
        if (row == 3)
          ASSERT_TRUE(std::isnan(c[i])) << i;
        else
          ASSERT_EQ(std::isinf(c[i]), column == 39) << i;
      }
    }
}

TEST(Gemm, ARowIsTheSameBitsAmongAnyOtherRows) {
  for (const Precision precision : {Precision::fp32, Precision::bf16})
    for (const std::int64_t k : {128, 600}) {
      const Matrix a(1024, k, false, 1), b(k, 96, true, 2);
      const Numbers all = product(a, b, 1, precision);
      for (const std::int64_t few : {1, 7, 20, 113}) {
        Matrix some(few, k, false, 3);
        for (std::int64_t row = 0; row < few; ++row)
          for (std::int64_t i = 0; i < k; ++i) some.at(row, i) = a.at(row, i);
        const Numbers c = product(some, b, 1, precision);
        EXPECT_TRUE(std::equal(c.begin(), c.end(), all.begin())) << few << " rows of " << k;
      }
    }
}

TEST(Gemm, AColumnIsTheSameBitsAmongAnyOtherColumns) {
  const Matrix a(50, 300, false, 1), b(300, 700, true, 2);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Numbers all = product(a, b, 1, precision);
    for (const std::int64_t few : {1, 17, 45, 513}) {
      Matrix some(300, few, true, 3);
      for (std::int64_t i = 0; i < 300; ++i)
        for (std::int64_t column = 0; column < few; ++column) some.at(i, column) = b.at(i, column);
      const Numbers c = product(a, some, 1, precision);
      for (std::int64_t i = 0; i < 50 * few; ++i)
        ASSERT_EQ(c[static_cast<std::size_t>(i)],
                  all[static_cast<std::size_t>(i / few * 700 + i % few)]);
    }
  }
}

TEST(Gemm, FormsAndStridesGiveTheSameBits) {
  const Matrix a(61, 530, false, 1), b(530, 77, false, 2);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Numbers plain = product(a, b, 1, precision);
    for (const Form& form : forms) {
      Matrix a2(61, 530, form.a_turned, 3, 5), b2(530, 77, form.b_turned, 4, 9);
      for (std::int64_t k = 0; k < 530; ++k) {
        for (std::int64_t row = 0; row < 61; ++row) a2.at(row, k) = a.at(row, k);
        for (std::int64_t column = 0; column < 77; ++column) b2.at(k, column) = b.at(k, column);
      }
      EXPECT_EQ(product(a2, b2, 1, precision), plain);
    }
  }
}

TEST(Gemm, ThreadsGiveTheSameBits) {
  const Matrix a(1030, 270, false, 1), b(270, 1100, true, 2);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const Numbers one = product(a, b, 1, precision);
    for (const int threads : {2, 5}) EXPECT_EQ(product(a, b, threads, precision), one) << threads;
  }
}

/// One whole block of rows, all of the epilogue.
Numbers at_level(Level level, bool rounds) {
  constexpr std::int64_t m = gemm_most_rows, n = 50, k = 540;
  const Matrix a(m, k, false, 1), b(k, n, true, 2);
  const GemmKernels& kernels = kernels_of<GemmKernels>(level);
  const GemmKernels::Steps& steps = rounds ? kernels.bf16 : kernels.fp32;
  const std::int64_t width = kernels.panel_width, panels = (n + width - 1) / width;
  Numbers packed(static_cast<std::size_t>(panels * width * k)), scratch(gemm_scratch_size + 16);
  for (std::int64_t panel = 0; panel < panels; ++panel)
    steps.pack(b.view(), k, n, panel * width, packed.data() + panel * width * k);
  const Numbers bias = normal_numbers(n, 3), input = normal_numbers(m * n, 4);
  Numbers c = normal_numbers(m * n, 5), kept(m * n);
  const GemmOutput out{.data = c.data(),
                       .row_stride = n,
                       .bias = bias.data(),
                       .before_gelu = kept.data(),
                       .gelu_input = input.data(),
                       .write = GemmOutput::Write::add};
  steps.multiply({.rows = m, .columns = n, .k = k}, a.view(), packed.data(), out, scratch.data());
  c.insert(c.end(), kept.begin(), kept.end());
  return c;
}

TEST(Gemm, LevelsGiveTheSameBits) {
  for (const bool rounds : {false, true}) {
    const Numbers plain = at_level(Level::plain, rounds);
    for (const Level level : levels_here()) EXPECT_EQ(at_level(level, rounds), plain);
  }
}

}  // namespace
}  // namespace sovren::nn
