// SPDX-License-Identifier: Apache-2.0
// The kernels of device_norm_body.h on the emulated device, against float64.
#include "kernels/nn/device_norm_body.h"
#include "tests/unit/nn/emulated_case.h"

namespace sovren::nn::device {
namespace {

struct Case {
  NormKind kind;
  std::int64_t rows, width;
};
constexpr Case cases[] = {{NormKind::layer, 1, 1},   {NormKind::layer, 33, 257},
                          {NormKind::layer, 9, 768}, {NormKind::rms, 33, 257},
                          {NormKind::rms, 5, 264},   {NormKind::layer, 300, 24}};

struct Forward {
  std::vector<Bf16> sum, y;
  std::vector<float> mean, scale;
  bool operator==(const Forward&) const = default;
};

/// The same in float64, of a row in `sum`.
struct Row {
  double mean = 0, scale = 0;
  std::vector<double> normed;
};

Row norm_row(const Case& one, const Bf16* row) {
  Row result;
  double squares = 0;
  for (std::int64_t i = 0; i < one.width; ++i)
    result.mean += from_bf16(row[i]) / static_cast<double>(one.width);
  if (one.kind == NormKind::rms) result.mean = 0;
  for (std::int64_t i = 0; i < one.width; ++i)
    squares += std::pow(from_bf16(row[i]) - result.mean, 2);
  result.scale = 1 / std::sqrt(squares / static_cast<double>(one.width) + 1e-5);
  for (std::int64_t i = 0; i < one.width; ++i)
    result.normed.push_back((from_bf16(row[i]) - result.mean) * result.scale);
  return result;
}

TEST(DeviceNorm, ForwardAddsTheBranchAndNorms) {
  for (const Case& one : cases) {
    const auto size = static_cast<std::size_t>(one.rows * one.width);
    const auto x = bf16_numbers(size, 1), branch = bf16_numbers(size, 2);
    const auto weight = bf16_numbers(static_cast<std::size_t>(one.width), 3);
    const auto bias = bf16_numbers(weight.size(), 4);
    const Dropout dropout{.rate = 0.25F, .seed = 3, .stream = 9, .first_row = 1000};
    const auto found = in_both_orders([&](const EmulatedLaunch& launch) {
      const auto rows = static_cast<std::size_t>(one.rows);
      Forward result{std::vector<Bf16>(size, unwritten), std::vector<Bf16>(size, unwritten),
                     std::vector<float>(rows, -99), std::vector<float>(rows, -99)};
      EXPECT_TRUE(launch(NormForward{{one.kind, one.rows, one.width},
                                     x.data(),
                                     branch.data(),
                                     &dropout,
                                     weight.data(),
                                     bias.data(),
                                     result.sum.data(),
                                     result.y.data(),
                                     result.mean.data(),
                                     result.scale.data()},
                         ""));
      return result;
    });
    std::vector<double> sums, normed;
    for (std::size_t i = 0; i < size; ++i) {
      const bool is_dropped = dropout.drops(1000 * static_cast<std::uint64_t>(one.width) + i);
      sums.push_back(double{from_bf16(x[i])} + (is_dropped ? 0 : from_bf16(branch[i]) / 0.75));
    }
    expect_rounded(found.sum, sums);
    for (std::int64_t r = 0; r < one.rows; ++r) {
      const Row row = norm_row(one, found.sum.data() + r * one.width);
      EXPECT_NEAR(found.mean[static_cast<std::size_t>(r)], row.mean, 1e-6);
      EXPECT_NEAR(found.scale[static_cast<std::size_t>(r)], row.scale, 1e-5 * row.scale);
      for (std::size_t i = 0; i < weight.size(); ++i)
        normed.push_back(row.normed[i] * from_bf16(weight[i]) + from_bf16(bias[i]));
    }
    expect_rounded(found.y, normed);
  }
}

TEST(DeviceNorm, WithoutABranchTheInputIsNormed) {
  const Case one{NormKind::rms, 3, 40};
  const auto x = bf16_numbers(120, 1), weight = bf16_numbers(40, 2);
  std::vector<Bf16> y(120, unwritten);
  std::vector<float> scale(3);
  ASSERT_TRUE(EmulatedLaunch{}(NormForward{{one.kind, one.rows, one.width},
                                           x.data(),
                                           nullptr,
                                           nullptr,
                                           weight.data(),
                                           nullptr,
                                           nullptr,
                                           y.data(),
                                           nullptr,
                                           scale.data()},
                               ""));
  std::vector<double> reference;
  for (std::int64_t r = 0; r < 3; ++r)
    for (std::size_t i = 0; i < 40; ++i)
      reference.push_back(norm_row(one, x.data() + 40 * r).normed[i] * from_bf16(weight[i]));
  expect_rounded(y, reference);
}

struct Backward {
  std::vector<Bf16> d_x;
  std::vector<float> d_weight, d_bias;
  bool operator==(const Backward&) const = default;
};

TEST(DeviceNorm, BackwardIsTheSlopeOfTheForwardPass) {
  for (const Case& one : cases) {
    const auto size = static_cast<std::size_t>(one.rows * one.width);
    const auto width = static_cast<std::size_t>(one.width);
    const auto x = bf16_numbers(size, 1), d_y = bf16_numbers(size, 2);
    const auto d_after = bf16_numbers(size, 3), weight = bf16_numbers(width, 4);
    std::vector<float> mean, scale;
    std::vector<double> d_x, d_weight(width, 0.5), d_bias(width, -0.25);
    for (std::int64_t r = 0; r < one.rows; ++r) {
      const auto first = static_cast<std::size_t>(r * one.width);
      const Row row = norm_row(one, x.data() + r * one.width);
      mean.push_back(static_cast<float>(row.mean));
      scale.push_back(static_cast<float>(row.scale));
      double of_slope = 0, of_product = 0;
      for (std::size_t i = 0; i < width; ++i) {
        const double slope = from_bf16(d_y[first + i]);
        d_weight[i] += slope * row.normed[i];
        d_bias[i] += slope;
        of_slope += slope * from_bf16(weight[i]) / static_cast<double>(width);
        of_product += slope * from_bf16(weight[i]) * row.normed[i] / static_cast<double>(width);
      }
      if (one.kind == NormKind::rms) of_slope = 0;
      for (std::size_t i = 0; i < width; ++i)
        d_x.push_back(from_bf16(d_after[first + i]) +
                      row.scale * (from_bf16(d_y[first + i]) * from_bf16(weight[i]) - of_slope -
                                   row.normed[i] * of_product));
    }
    const NormShape shape{one.kind, one.rows, one.width};
    const auto found = in_both_orders([&](const EmulatedLaunch& launch) {
      std::vector<float> workspace(static_cast<std::size_t>(norm_workspace(shape)), NAN);
      Backward result{d_after, std::vector<float>(width, 0.5F), std::vector<float>(width, -0.25F)};
      EXPECT_TRUE(run_norm_backward(
          launch,
          NormBackward{shape, d_y.data(), x.data(), weight.data(), mean.data(), scale.data(),
                       result.d_x.data(), result.d_x.data(), workspace.data()},
          result.d_weight.data(), result.d_bias.data()));
      return result;
    });
    expect_rounded(found.d_x, d_x, 1e-4);
    expect_close(found.d_weight, d_weight, 1e-5);
    expect_close(found.d_bias, d_bias, 1e-5);
  }
}

}  // namespace
}  // namespace sovren::nn::device
