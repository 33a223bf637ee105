// SPDX-License-Identifier: Apache-2.0
// The kernels of device_pointwise_body.h, device_columns_body.h and device_optimizer_body.h on the
// emulated device, against float64.
#include "kernels/nn/device_columns_body.h"
#include "kernels/nn/device_optimizer_body.h"
#include "kernels/nn/device_pointwise_body.h"
#include "tests/unit/nn/emulated_case.h"

namespace sovren::nn::device {
namespace {

constexpr std::int64_t sizes[] = {1, 7, 8, 33 * 257, 4096};

TEST(DeviceMath, RoundsToTheNearestBf16HalvesToEven) {
  for (const float x : normal_numbers(1000, 1)) EXPECT_EQ(to_bf16(x), nearest_bf16(x)) << x;
  for (const float x : {0.0F, -0.0F, 1.0F, 1.00390625F, 1.01171875F, 3e38F, 1e-40F, -2.5F})
    EXPECT_EQ(to_bf16(x), nearest_bf16(x)) << x;
  EXPECT_EQ(from_bf16(to_bf16(INFINITY)), INFINITY);
  EXPECT_EQ(from_bf16(to_bf16(3.4e38F)), INFINITY);
  EXPECT_TRUE(std::isnan(from_bf16(to_bf16(NAN))));
  EXPECT_EQ(pack_bf16(1, -2), 0xC0003F80U);
}

TEST(DevicePointwise, AddsAResidual) {
  for (const std::int64_t size : sizes) {
    const auto count = static_cast<std::size_t>(size);
    const auto x = bf16_numbers(count, 1);
    const auto branch = bf16_numbers(count, 2);
    std::vector<Bf16> y(count, unwritten);
    ASSERT_TRUE(
        EmulatedLaunch{}(AddResidual{1, size, x.data(), branch.data(), nullptr, y.data()}, ""));
    std::vector<double> reference;
    for (std::size_t i = 0; i < count; ++i)
      reference.push_back(double{from_bf16(x[i])} + from_bf16(branch[i]));
    expect_rounded(y, reference);
  }
}

TEST(DevicePointwise, DropsWhatTheDropoutSays) {
  const std::int64_t rows = 11, width = 33;  // rows begin anywhere in Philox's blocks of four
  const Dropout dropout{.rate = 0.3F, .seed = 5, .stream = 7, .first_row = 12345678901};
  const auto x = bf16_numbers(static_cast<std::size_t>(rows * width), 1);
  std::vector<Bf16> y(x.size(), unwritten);
  ASSERT_TRUE(
      EmulatedLaunch{}(AddResidual{rows, width, nullptr, x.data(), &dropout, y.data()}, ""));
  std::vector<double> reference = doubles(x);
  std::size_t dropped = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto element = static_cast<std::uint64_t>(dropout.first_row) * 33 + i;
    if (dropout.drops(element)) ++dropped;
    reference[i] = dropout.drops(element) ? 0 : reference[i] / (1 - 0.3F);
  }
  expect_rounded(y, reference);
  EXPECT_GT(dropped, x.size() / 5);
}

double gelu(double x) {
  return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
double silu(double x) {
  return x / (1 + std::exp(-x));
}
template <class Function>
double slope(const Function& f, double x) {
  return (f(x + 1e-5) - f(x - 1e-5)) / 2e-5;
}

TEST(DevicePointwise, GeluAndItsSlope) {
  for (const std::int64_t size : sizes) {
    const auto x = bf16_numbers(static_cast<std::size_t>(size), 1, 3);
    const auto d_y = bf16_numbers(x.size(), 2);
    std::vector<Bf16> y(x.size(), unwritten), d_x = d_y;
    ASSERT_TRUE(EmulatedLaunch{}(Gelu{size, x.data(), nullptr, y.data()}, ""));
    ASSERT_TRUE(EmulatedLaunch{}(Gelu{size, x.data(), d_x.data(), d_x.data()}, ""));
    std::vector<double> values, slopes;
    for (std::size_t i = 0; i < x.size(); ++i) {
      values.push_back(gelu(from_bf16(x[i])));
      slopes.push_back(from_bf16(d_y[i]) * slope(gelu, from_bf16(x[i])));
    }
    expect_rounded(y, values);
    expect_rounded(d_x, slopes);
  }
  const std::vector<Bf16> large = {to_bf16(60), to_bf16(-60), to_bf16(1e9F), to_bf16(-1e9F)};
  std::vector<Bf16> y(4);
  ASSERT_TRUE(EmulatedLaunch{}(Gelu{4, large.data(), nullptr, y.data()}, ""));
  expect_rounded(y, {60, 0, from_bf16(large[2]), 0});
}

TEST(DevicePointwise, SwigluAndItsSlopes) {
  for (const std::int64_t hidden : {1, 8, 33, 40}) {
    const std::int64_t rows = 5;
    const auto x = bf16_numbers(static_cast<std::size_t>(2 * rows * hidden), 1, 2);
    const auto d_y = bf16_numbers(static_cast<std::size_t>(rows * hidden), 2);
    std::vector<Bf16> y(d_y.size(), unwritten), d_x(x.size(), unwritten);
    ASSERT_TRUE(EmulatedLaunch{}(SwigluForward{rows, hidden, x.data(), y.data()}, ""));
    ASSERT_TRUE(
        EmulatedLaunch{}(SwigluBackward{rows, hidden, x.data(), d_y.data(), d_x.data()}, ""));
    std::vector<double> values, slopes(x.size());
    for (std::int64_t i = 0; i < rows * hidden; ++i) {
      const auto gate = static_cast<std::size_t>(i / hidden * 2 * hidden + i % hidden);
      const auto up = gate + static_cast<std::size_t>(hidden);
      const double a = from_bf16(x[gate]), b = from_bf16(x[up]);
      const double d = from_bf16(d_y[static_cast<std::size_t>(i)]);
      values.push_back(silu(a) * b);
      slopes[gate] = d * b * slope(silu, a);
      slopes[up] = d * silu(a);
    }
    expect_rounded(y, values);
    expect_rounded(d_x, slopes);
  }
}

TEST(DevicePointwise, RotatesByTheAnglesOfPositionsAndBack) {
  for (const int head_width : {2, 6, 16, 64}) {
    const AttentionShape shape{
        .batch = 2, .tokens = 5, .heads = 4, .kv_heads = 2, .head_width = head_width};
    const int first = 3;
    const auto table = rotation_table(shape.tokens, head_width, 10000, first);
    const auto qkv = bf16_numbers(static_cast<std::size_t>(10 * shape.qkv_width()), 1);
    std::vector<Bf16> turned = qkv;
    ASSERT_TRUE(EmulatedLaunch{}(Rotate{shape, table.data(), 1, turned.data()}, ""));
    std::vector<double> reference = doubles(qkv);
    for (std::size_t row = 0; row < 10; ++row)
      for (std::size_t head = 0; head < 6; ++head)
        for (std::size_t i = 0; i < static_cast<std::size_t>(head_width / 2); ++i) {
          const double angle = (first + static_cast<double>(row % 5)) *
                               std::pow(10000, -2.0 * static_cast<double>(i) / head_width);
          double* const a = &reference[row * static_cast<std::size_t>(shape.qkv_width()) +
                                       head * static_cast<std::size_t>(head_width) + i];
          double* const b = a + head_width / 2;
          const double before = *a;
          *a = before * std::cos(angle) - *b * std::sin(angle);
          *b = *b * std::cos(angle) + before * std::sin(angle);
        }
    expect_rounded(turned, reference);
    ASSERT_TRUE(EmulatedLaunch{}(Rotate{shape, table.data(), -1, turned.data()}, ""));
    expect_rounded(turned, doubles(qkv), 0.03);
  }
}

TEST(DeviceColumns, SumsOverRowsAreAdded) {
  for (const auto& [rows, width, stride] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 1, 1},
        {33, 257, 257},
        {300, 264, 272},
        {70, 600, 600}}) {
    const auto x = bf16_numbers(static_cast<std::size_t>(rows * stride), 1);
    const auto before = normal_numbers(static_cast<std::size_t>(width), 2);
    const auto sums = in_both_orders([&](const EmulatedLaunch& launch) {
      std::vector<float> workspace(static_cast<std::size_t>(column_sums_workspace(rows, width)),
                                   NAN);
      std::vector<float> result = before;
      EXPECT_TRUE(run_column_sums(launch, {rows, width, stride, x.data(), workspace.data()},
                                  result.data()));
      return result;
    });
    std::vector<double> reference(before.begin(), before.end());
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < width; ++column)
        reference[static_cast<std::size_t>(column)] +=
            from_bf16(x[static_cast<std::size_t>(row * stride + column)]);
    expect_close(sums, reference, 1e-5);
  }
}

TEST(DeviceOptimizer, AdamWGivesTheBitsOfTheProcessor) {
  Team team(1);
  for (const std::int64_t size : {1, 6, 1000, 1025}) {
    const auto count = static_cast<std::size_t>(size);
    auto p = normal_numbers(count, 1), m = normal_numbers(count, 3), v = normal_numbers(count, 4);
    for (float& x : v) x = x * x;
    const auto g = normal_numbers(count, 2);
    auto device_p = p, device_m = m, device_v = v;
    const AdamW adamw{.learning_rate = 1e-3, .weight_decay = 0.1, .step = 7};
    nn::adamw_update(team, adamw, 0.7, p, g, m, v);
    std::vector<Bf16> copy(count, unwritten);
    ASSERT_TRUE(
        EmulatedLaunch{}(UpdateAdamW{adamw_factors(adamw, 0.7), size, device_p.data(), g.data(),
                                     device_m.data(), device_v.data(), copy.data()},
                         ""));
    EXPECT_EQ(device_p, p);
    EXPECT_EQ(device_m, m);
    EXPECT_EQ(device_v, v);
    for (std::size_t i = 0; i < count; ++i) EXPECT_EQ(copy[i], nearest_bf16(p[i]));
  }
}

TEST(DeviceOptimizer, SquaresAreThoseOfTheSameBlocks) {
  Team team(1);
  for (const std::int64_t size : {std::int64_t{1}, norm_block, 2 * norm_block + 777}) {
    const auto values = normal_numbers(static_cast<std::size_t>(size), 1);
    const auto blocks = static_cast<std::size_t>(blocks_for(size, norm_block));
    std::vector<double> reference(blocks);
    nn::block_squares(team, values, reference);
    const auto squares = in_both_orders([&](const EmulatedLaunch& launch) {
      std::vector<double> result(blocks, NAN);
      EXPECT_TRUE(launch(BlockSquares{size, values.data(), result.data()}, ""));
      return result;
    });
    for (std::size_t k = 0; k < blocks; ++k)
      EXPECT_NEAR(squares[k], reference[k], 1e-13 * reference[k]);
  }
}

TEST(DeviceOptimizer, AddsAndRounds) {
  for (const std::int64_t size : {1, 2, 3, 4, 1030}) {
    const auto from = normal_numbers(static_cast<std::size_t>(size), 1);
    auto to = normal_numbers(from.size(), 2);
    const auto before = to;
    std::vector<Bf16> rounded(from.size(), unwritten);
    ASSERT_TRUE(EmulatedLaunch{}(AddTo{size, from.data(), to.data()}, ""));
    ASSERT_TRUE(EmulatedLaunch{}(RoundToBf16{size, from.data(), rounded.data()}, ""));
    for (std::size_t i = 0; i < from.size(); ++i) {
      EXPECT_EQ(to[i], before[i] + from[i]);
      EXPECT_EQ(rounded[i], nearest_bf16(from[i]));
    }
  }
}

}  // namespace
}  // namespace sovren::nn::device
