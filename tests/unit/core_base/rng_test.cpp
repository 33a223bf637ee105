// SPDX-License-Identifier: Apache-2.0
#include "core/base/rng.h"

#include <gtest/gtest.h>

namespace sovren {
namespace {

// Known-answer vectors of philox4x32-10 as published with Salmon et al. 2011 (Random123's
// kat_vectors).
TEST(Philox, MatchesThePublishedVectors) {
  EXPECT_EQ(Philox::round10({0, 0, 0, 0}, {0, 0}),
            (Philox::Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(
      Philox::round10({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
      (Philox::Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      Philox::round10({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Philox::Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, StreamsOfOneSeedDiffer) {
  EXPECT_NE(Philox(1, 0).block(7), Philox(1, 1).block(7));
  EXPECT_NE(Philox(1, 0).block(7), Philox(2, 0).block(7));
}

TEST(Philox, NormalHasMomentsOfAStandardNormal) {
  const Philox rng(3);
  constexpr int n = 200'000;
  double sum = 0, square = 0, fourth = 0;
  for (int i = 0; i < n; ++i) {
    const double x = rng.normal(static_cast<std::uint64_t>(i));
    sum += x;
    square += x * x;
    fourth += x * x * x * x;
  }
  EXPECT_NEAR(sum / n, 0.0, 0.01);  // 4.5 standard errors
  EXPECT_NEAR(square / n, 1.0, 0.015);
  EXPECT_NEAR(fourth / n, 3.0, 0.1);
}

TEST(Philox, BelowCoversItsRangeEvenly) {
  const Philox rng(4);
  std::array<int, 5> count{};
  for (std::uint64_t i = 0; i < 50'000; ++i) ++count.at(rng.below(i, 5));
  for (const int c : count) EXPECT_NEAR(c, 10'000, 400);  // 4.5 standard errors
}

}  // namespace
}  // namespace sovren
