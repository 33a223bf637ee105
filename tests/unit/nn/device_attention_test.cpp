// SPDX-License-Identifier: Apache-2.0
// The kernels of attention on the emulated device, against float64.
#include "kernels/nn/device_attention_run.h"
#include "tests/unit/nn/emulated_case.h"
#include "tests/unit/nn/plain_attention.h"

namespace sovren::nn::device {
namespace {

struct Case {
  AttentionShape shape;
  float rate = 0;
};

std::string name_of(const testing::TestParamInfo<Case>& info) {
  const auto& [shape, rate] = info.param;
  return "b" + std::to_string(shape.batch) + "_t" + std::to_string(shape.tokens) + "_h" +
         std::to_string(shape.heads) + "_kv" + std::to_string(shape.kv_heads) + "_w" +
         std::to_string(shape.head_width) + (rate > 0 ? "_dropout" : "");
}

struct Results {
  std::vector<Bf16> out, d_qkv;
  std::vector<float> log_sum;
  bool operator==(const Results&) const = default;
};

std::size_t tokens_of(const AttentionShape& shape) {
  return static_cast<std::size_t>(shape.batch) * static_cast<std::size_t>(shape.tokens);
}

Results results_of(const EmulatedLaunch& launch, const AttentionShape& shape,
                   const Dropout* dropout, const std::vector<Bf16>& qkv,
                   const std::vector<Bf16>& d_out) {
  const auto rows = static_cast<std::size_t>(attention_workspace(shape));
  Results r{std::vector<Bf16>(d_out.size(), unwritten), std::vector<Bf16>(qkv.size(), unwritten),
            std::vector<float>(rows, -99)};
  std::vector<float> workspace(rows, NAN);
  EXPECT_TRUE(
      run_attention_forward(launch, {shape, qkv.data(), dropout, r.out.data(), r.log_sum.data()}));
  EXPECT_TRUE(
      run_attention_backward(launch, {shape, qkv.data(), dropout, r.out.data(), r.log_sum.data(),
                                      d_out.data(), workspace.data(), r.d_qkv.data()}));
  return r;
}

std::vector<float> floats(const std::vector<Bf16>& numbers) {
  std::vector<float> values;
  for (const Bf16 x : numbers) values.push_back(from_bf16(x));
  return values;
}

/// In units of the root mean square of what is expected.
struct Distance {
  double largest = 0;  ///< beyond the rounding of the result itself
  double typical = 0;  ///< root mean square
};
Distance distance(const std::vector<Bf16>& found, const std::vector<double>& expected) {
  Distance d;
  double squares = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(static_cast<double>(from_bf16(found[i])) - expected[i]);
    const double beyond = difference - 0x1p-9 * std::abs(expected[i]);
    d.largest = beyond <= d.largest ? d.largest : beyond;  // NaN too
    d.typical += difference * difference;
    squares += expected[i] * expected[i];
  }
  d.largest /= std::sqrt(squares / static_cast<double>(expected.size()));
  d.typical = std::sqrt(d.typical / squares);
  return d;
}

class DeviceAttentionCase : public testing::TestWithParam<Case> {};

// Probabilities and their gradients are rounded to bf16 (2^-9 each, at most) before they are
// multiplied, and so are results.
TEST_P(DeviceAttentionCase, IsThePlainOneForwardAndBackward) {
  const auto& [shape, rate] = GetParam();
  const Dropout dropout{.rate = rate, .seed = 3, .stream = 8, .first_row = 77};
  const auto qkv = bf16_numbers(tokens_of(shape) * static_cast<std::size_t>(shape.qkv_width()), 1);
  const auto d_out = bf16_numbers(tokens_of(shape) * static_cast<std::size_t>(shape.q_width()), 2);
  const Results r = in_both_orders([&](const EmulatedLaunch& launch) {
    return results_of(launch, shape, rate > 0 ? &dropout : nullptr, qkv, d_out);
  });
  const nn::PlainAttention plain(shape, floats(qkv), dropout);
  const Distance out = distance(r.out, plain.out);
  EXPECT_LT(out.typical, 0x1p-8);
  EXPECT_LT(out.largest, 0.04);
  for (std::size_t i = 0; i < r.log_sum.size(); ++i)
    ASSERT_NEAR(r.log_sum[i], plain.log_sum[i], 1e-5) << i;
  const Distance slope = distance(r.d_qkv, plain.gradient(floats(d_out)));
  EXPECT_LT(slope.typical, 0x1p-7);
  EXPECT_LT(slope.largest, 0.06);
}

// Not whole blocks of 64 or 128 rows; one row; several blocks of either; shared keys; both tensor
// core widths and others.
INSTANTIATE_TEST_SUITE_P(Shapes, DeviceAttentionCase,
                         testing::Values(Case{{1, 1, 1, 1, 64}}, Case{{2, 33, 2, 1, 64}},
                                         Case{{1, 200, 1, 1, 64}}, Case{{1, 257, 1, 1, 64}},
                                         Case{{1, 33, 2, 2, 128}}, Case{{1, 150, 2, 1, 128}},
                                         Case{{1, 130, 2, 1, 64}, 0.3F},
                                         Case{{1, 71, 2, 1, 128}, 0.5F}, Case{{1, 17, 4, 2, 20}},
                                         Case{{1, 9, 2, 1, 33}, 0.25F}, Case{{1, 5, 1, 1, 256}}),
                         name_of);

TEST(DeviceAttention, LargeScoresDoNotOverflow) {
  const AttentionShape shape{1, 90, 1, 1, 64};
  const auto qkv = bf16_numbers(90 * 192, 5, 30);  // scores of thousands
  const auto d_out = bf16_numbers(90 * 64, 6);
  const Results r = results_of({}, shape, nullptr, qkv, d_out);
  const nn::PlainAttention plain(shape, floats(qkv));
  EXPECT_LT(distance(r.out, plain.out).typical, 0x1p-8);
  for (std::size_t i = 0; i < r.log_sum.size(); ++i)
    ASSERT_NEAR(r.log_sum[i], plain.log_sum[i], 1e-5 + 4e-6 * std::abs(plain.log_sum[i])) << i;
}

TEST(DeviceAttention, WiderHeadsAreRefused) {
  const auto refused = run_attention_forward(EmulatedLaunch{}, {{1, 1, 1, 1, 257}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::device);
  EXPECT_FALSE(refused.error().hint.empty());
}

}  // namespace
}  // namespace sovren::nn::device
