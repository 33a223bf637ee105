// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/norm.h"

#include <cmath>
#include <ostream>

#include "kernels/nn/level/norm.h"
#include "tests/unit/nn/bits.h"

namespace sovren::nn {

void PrintTo(const NormShape& shape, std::ostream* out) {
  *out << (shape.kind == NormKind::layer ? "layer, " : "rms, ") << shape.rows << " rows of "
       << shape.width;
}

namespace {

using Doubles = std::vector<double>;

Doubles doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

/// norm.h's formulas as they stand there, in double.
struct PlainNorm {
  NormShape shape;
  Doubles x, weight, bias;

  double mean(std::int64_t row) const {
    if (shape.kind == NormKind::rms) return 0;
    double sum = 0;
    for (std::int64_t i = 0; i < shape.width; ++i) sum += at(row, i);
    return sum / static_cast<double>(shape.width);
  }
  double scale(std::int64_t row) const {
    const double middle = mean(row);
    double squares = 0;
    for (std::int64_t i = 0; i < shape.width; ++i) squares += std::pow(at(row, i) - middle, 2);
    return 1 / std::sqrt(squares / static_cast<double>(shape.width) +
                         static_cast<double>(shape.epsilon));
  }
  double at(std::int64_t row, std::int64_t i) const {
    return x[static_cast<std::size_t>(row * shape.width + i)];
  }
  Doubles row_of_y(std::int64_t row) const {
    const double middle = mean(row), factor = scale(row);
    Doubles y;
    for (std::int64_t i = 0; i < shape.width; ++i) {
      const auto column = static_cast<std::size_t>(i);
      y.push_back((at(row, i) - middle) * factor * weight[column] + bias[column]);
    }
    return y;
  }
  /// The sum of d_y y over one row: what the gradients below are of.
  double loss(std::int64_t row, const std::vector<float>& d_y) const {
    const Doubles y = row_of_y(row);
    double sum = 0;
    for (std::size_t i = 0; i < y.size(); ++i)
      sum += y[i] * static_cast<double>(d_y[static_cast<std::size_t>(row * shape.width) + i]);
    return sum;
  }
  double loss(const std::vector<float>& d_y) const {
    double sum = 0;
    for (std::int64_t row = 0; row < shape.rows; ++row) sum += loss(row, d_y);
    return sum;
  }
};

template <class Loss>
double slope(double& at, const Loss& loss) {
  constexpr double step = 1e-5;
  const double middle = at;
  at = middle + step;
  const double above = loss();
  at = middle - step;
  const double below = loss();
  at = middle;
  return (above - below) / (2 * step);
}

struct NormTest : testing::TestWithParam<NormShape> {
  NormShape shape = GetParam();
  std::size_t rows = static_cast<std::size_t>(shape.rows);
  std::size_t width = static_cast<std::size_t>(shape.width);
  bool is_layer = shape.kind == NormKind::layer;
  std::vector<float> x = normal_numbers(rows * width, 1, 2);
  std::vector<float> weight = normal_numbers(width, 2), bias = normal_numbers(width, 3);
  std::vector<float> d_y = normal_numbers(rows * width, 4);

  struct Forward {
    std::vector<float> y, mean, scale;
  };
  Forward forward(Team& team) const {
    Forward f{std::vector<float>(rows * width), std::vector<float>(rows), std::vector<float>(rows)};
    norm_forward(team, shape, x.data(), weight.data(), is_layer ? bias.data() : nullptr, f.y.data(),
                 is_layer ? f.mean.data() : nullptr, f.scale.data());
    return f;
  }
  struct Backward {  // to what was there before, gradients are added
    std::vector<float> d_x, d_weight, d_bias;
  };
  Backward before() const {
    return {normal_numbers(rows * width, 5), normal_numbers(width, 6), normal_numbers(width, 7)};
  }
  Backward backward(Team& team) const {
    const Forward f = forward(team);
    Backward b = before();
    norm_backward(team, shape, d_y.data(), x.data(), weight.data(),
                  is_layer ? f.mean.data() : nullptr, f.scale.data(), b.d_x.data(),
                  b.d_weight.data(), is_layer ? b.d_bias.data() : nullptr);
    return b;
  }
  PlainNorm plain() const {
    return {shape, doubles(x), doubles(weight), is_layer ? doubles(bias) : Doubles(width)};
  }
};

TEST_P(NormTest, ForwardIsTheFormula) {
  Team team(2);
  const Forward f = forward(team);
  const PlainNorm reference = plain();
  for (std::size_t row = 0; row < rows; ++row) {
    const auto number = static_cast<std::int64_t>(row);
    EXPECT_NEAR(f.scale[row], reference.scale(number), 1e-5 * reference.scale(number));
    EXPECT_NEAR(f.mean[row], reference.mean(number), 1e-6);
    const Doubles y = reference.row_of_y(number);
    for (std::size_t i = 0; i < width; ++i)
      ASSERT_NEAR(f.y[row * width + i], y[i], 2e-6 * (1 + std::abs(y[i]))) << row << " " << i;
  }
}

TEST_P(NormTest, BackwardIsTheSlope) {
  Team team(2);
  const Backward b = backward(team), was = before();
  PlainNorm reference = plain();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i / width);
    const double d = slope(reference.x[i], [&] { return reference.loss(row, d_y); });
    ASSERT_NEAR(b.d_x[i], static_cast<double>(was.d_x[i]) + d, 1e-5 * (1 + std::abs(d))) << i;
  }
  for (std::size_t i = 0; i < width; ++i) {
    const double d = slope(reference.weight[i], [&] { return reference.loss(d_y); });
    ASSERT_NEAR(b.d_weight[i], static_cast<double>(was.d_weight[i]) + d, 2e-5) << i;
    const double of_bias =
        is_layer ? slope(reference.bias[i], [&] { return reference.loss(d_y); }) : 0;
    ASSERT_NEAR(b.d_bias[i], static_cast<double>(was.d_bias[i]) + of_bias, 2e-5) << i;
  }
}

TEST_P(NormTest, ThreadsGiveTheSameBits) {
  expect_same_bits_for_any_team([&](Team& team) {
    const Forward f = forward(team);
    const Backward b = backward(team);
    return joined({f.y, f.mean, f.scale, b.d_x, b.d_weight, b.d_bias});
  });
}

TEST_P(NormTest, LevelsGiveTheSameBits) {
  expect_same_bits_at_all_levels<NormKernels>([&](const NormKernels& kernels) {
    const NormRows all{is_layer, shape.rows, shape.width, shape.epsilon};
    Forward f{x, std::vector<float>(rows), std::vector<float>(rows)};
    kernels.forward(all, x.data(), weight.data(), bias.data(), f.y.data(), f.mean.data(),
                    f.scale.data());
    Backward b = before();
    kernels.backward(all, d_y.data(), x.data(), weight.data(), f.mean.data(), f.scale.data(),
                     b.d_x.data(), b.d_weight.data(), b.d_bias.data());
    return joined({f.y, f.mean, f.scale, b.d_x, b.d_weight, b.d_bias});
  });
}

INSTANTIATE_TEST_SUITE_P(Shapes, NormTest,
                         testing::Values(NormShape{NormKind::layer, 1, 20, 1e-5F},
                                         NormShape{NormKind::layer, 33, 257, 1e-5F},
                                         NormShape{NormKind::layer, 70, 16, 1e-5F},
                                         NormShape{NormKind::rms, 1, 20, 1e-5F},
                                         NormShape{NormKind::rms, 33, 257, 1e-6F},
                                         NormShape{NormKind::rms, 70, 32, 1e-5F}));

TEST(Norm, ALargeMeanTakesNoDigitsFromTheVariance) {
  constexpr std::size_t width = 768;
  Team team(1);
  std::vector<float> x = normal_numbers(width, 8), y(width), weight(width, 1), mean(1), scale(1);
  for (float& value : x) value += 1000;
  const NormShape shape{NormKind::layer, 1, width, 1e-5F};
  norm_forward(team, shape, x.data(), weight.data(), nullptr, y.data(), mean.data(), scale.data());
  const PlainNorm reference{shape, doubles(x), doubles(weight), Doubles(width)};
  EXPECT_NEAR(scale[0], reference.scale(0), 1e-5);
}

}  // namespace
}  // namespace sovren::nn
