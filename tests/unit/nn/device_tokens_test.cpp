// SPDX-License-Identifier: Apache-2.0
// The kernels of device_tokens_body.h on the emulated device, against float64.
#include "kernels/nn/device_tokens_body.h"
#include "tests/unit/nn/emulated_case.h"

namespace sovren::nn::device {
namespace {

std::vector<std::int32_t> some_tokens(std::int64_t rows, std::uint64_t vocab) {
  std::vector<std::int32_t> tokens;
  for (std::uint64_t k = 0; k < static_cast<std::uint64_t>(rows); ++k)
    tokens.push_back(static_cast<std::int32_t>(Philox(4).below(k, vocab)));
  return tokens;
}

TEST(DeviceTokens, BucketsHoldTheRowsOfEachTokenInOrder) {
  const std::vector<std::int32_t> tokens = {7, 2, 7, 0, 2, 7};
  std::vector<std::int32_t> buckets(static_cast<std::size_t>(bucket_ints(6)));
  fill_buckets(tokens, buckets);
  EXPECT_EQ(buckets, (std::vector<std::int32_t>{3, 0, 1, 3, 6, 6, 6, 6, 3, 1, 4, 0, 2, 5}));
}

TEST(DeviceTokens, EmbedsTokensAndPlaces) {
  for (const std::int64_t width : {33, 64}) {
    const auto tokens = some_tokens(12, 20);
    const auto table = bf16_numbers(static_cast<std::size_t>(20 * width), 1);
    const auto places = bf16_numbers(static_cast<std::size_t>(4 * width), 2);
    std::vector<Bf16> x(static_cast<std::size_t>(12 * width), unwritten);
    ASSERT_TRUE(EmulatedLaunch{}(
        Embed{12, 4, width, tokens.data(), table.data(), places.data(), x.data()}, ""));
    std::vector<double> reference;
    for (std::int64_t row = 0; row < 12; ++row)
      for (std::int64_t i = 0; i < width; ++i)
        reference.push_back(from_bf16(table[static_cast<std::size_t>(
                                tokens[static_cast<std::size_t>(row)] * width + i)]) +
                            from_bf16(places[static_cast<std::size_t>(row % 4 * width + i)]));
    expect_rounded(x, reference);
  }
}

TEST(DeviceTokens, EmbeddingsGradientsAreSummedByToken) {
  for (const std::int64_t width : {33, 264}) {
    constexpr std::int64_t rows = 3 * 33, context = 33, vocab = 11;
    const auto tokens = some_tokens(rows, vocab - 1);  // the last one does not occur
    std::vector<std::int32_t> buckets(static_cast<std::size_t>(bucket_ints(rows)));
    fill_buckets(tokens, buckets);
    const auto d_x = bf16_numbers(static_cast<std::size_t>(rows * width), 1);
    std::vector<double> by_token(static_cast<std::size_t>(vocab * width), 1);
    std::vector<double> by_place(static_cast<std::size_t>(context * width), 1);
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t i = 0; i < width; ++i) {
        const double slope = from_bf16(d_x[static_cast<std::size_t>(row * width + i)]);
        const std::int64_t token = tokens[static_cast<std::size_t>(row)];
        by_token[static_cast<std::size_t>(token * width + i)] += slope;
        by_place[static_cast<std::size_t>(row % context * width + i)] += slope;
      }
    const auto found = in_both_orders([&](const EmulatedLaunch& launch) {
      std::vector<float> table(by_token.size(), 1);
      EXPECT_TRUE(launch(EmbedTokensBackward{rows, width, vocab, tokens.data(), buckets.data(),
                                             d_x.data(), table.data()},
                         ""));
      return table;
    });
    expect_close(found, by_token, 1e-6);
    std::vector<float> places(by_place.size(), 1);
    ASSERT_TRUE(EmulatedLaunch{}(
        EmbedPositionsBackward{rows, context, width, d_x.data(), places.data()}, ""));
    expect_close(places, by_place, 1e-6);
  }
}

struct Classified {
  std::vector<Bf16> logits;
  std::vector<float> losses;
  bool operator==(const Classified&) const = default;
};

TEST(DeviceTokens, ClassifiesInPlace) {
  for (const auto& [rows, vocab, stride] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{1, 5, 5},
        {3, 257, 384},
        {2, 9000, 9088},
        {4, 33, 33}}) {
    auto logits = bf16_numbers(static_cast<std::size_t>(rows * stride), 1, 4);
    for (std::int64_t row = 0; row < rows; ++row)  // what is beyond does not count
      for (std::int64_t column = vocab; column < stride; ++column)
        logits[static_cast<std::size_t>(row * stride + column)] = to_bf16(1000);
    const auto targets = some_tokens(rows, static_cast<std::uint64_t>(vocab));
    std::vector<double> gradient(logits.size(), 0), losses;
    for (std::int64_t row = 0; row < rows; ++row) {
      const Bf16* const at = logits.data() + row * stride;
      const auto target = targets[static_cast<std::size_t>(row)];
      double total = 0;
      for (std::int64_t i = 0; i < vocab; ++i) total += std::exp(from_bf16(at[i]));
      for (std::int64_t i = 0; i < vocab; ++i)
        gradient[static_cast<std::size_t>(row * stride + i)] =
            0.5 * (std::exp(from_bf16(at[i])) / total - (i == target ? 1 : 0));
      losses.push_back(std::log(total) - from_bf16(at[target]));
    }
    const auto found = in_both_orders([&](const EmulatedLaunch& launch) {
      Classified result{logits, std::vector<float>(targets.size(), NAN)};
      EXPECT_TRUE(launch(Classify{rows, vocab, stride, targets.data(), 0.5F, result.logits.data(),
                                  result.logits.data(), result.losses.data()},
                         ""));
      return result;
    });
    expect_rounded(found.logits, gradient, 1e-6);
    expect_close(found.losses, losses, 1e-5);
    std::vector<float> only(targets.size(), NAN);
    ASSERT_TRUE(EmulatedLaunch{}(
        Classify{rows, vocab, stride, targets.data(), 0, logits.data(), nullptr, only.data()}, ""));
    EXPECT_EQ(only, found.losses);
  }
}

TEST(DeviceTokens, SumsValuesInDouble) {
  const auto values = normal_numbers(3000, 1);
  double reference = 0;
  for (const float x : values) reference += x;
  const double total = in_both_orders([&](const EmulatedLaunch& launch) {
    double result = 0;
    EXPECT_TRUE(launch(SumValues{3000, values.data(), &result}, ""));
    return result;
  });
  EXPECT_NEAR(total, reference, 1e-12);
}

}  // namespace
}  // namespace sovren::nn::device
