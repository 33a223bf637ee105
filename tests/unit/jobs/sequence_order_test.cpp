// SPDX-License-Identifier: Apache-2.0
// What the order of sequences promises, looked at whole for every size of a small run.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "jobs/training/token_data.h"

namespace sovren::jobs {
namespace {

using Kind = SequenceOrder::Kind;

std::vector<std::int64_t> firsts(const SequenceOrder& order, std::int64_t epoch) {
  std::vector<std::int64_t> made;
  for (std::int64_t s = 0; s < order.per_epoch(); ++s)
    made.push_back(order.first_token(epoch * order.per_epoch() + s));
  return made;
}

TEST(SequenceOrder, SequentialIsWholeMicroBatchesOneBehindAnother) {
  // 32 tokens: ten windows of 3 with what follows, two micro-batches of 4 of them.
  const SequenceOrder order(Kind::sequential, 0, 32, 3, 4);
  EXPECT_EQ(order.per_epoch(), 8);
  EXPECT_EQ(firsts(order, 0), (std::vector<std::int64_t>{0, 3, 6, 9, 12, 15, 18, 21}));
  EXPECT_EQ(firsts(order, 0), firsts(order, 5));
}

TEST(SequenceOrder, SequentialTakesWhatIsThereBelowAMicroBatch) {
  EXPECT_EQ(SequenceOrder(Kind::sequential, 0, 10, 3, 4).per_epoch(), 3);
  EXPECT_EQ(SequenceOrder(Kind::sequential, 0, 4, 3, 4).per_epoch(), 1);
}

TEST(SequenceOrder, EverySequenceLiesWithinTheData) {
  for (const Kind kind : {Kind::shuffled, Kind::sequential})
    for (int context = 1; context <= 9; ++context)
      for (std::int64_t tokens = context + 1; tokens <= 60; ++tokens)
        for (const int micro_batch : {1, 3}) {
          const SequenceOrder order(kind, 5, tokens, context, micro_batch);
          ASSERT_GE(order.per_epoch(), 1);
          for (std::int64_t s = 0; s < 3 * order.per_epoch(); ++s) {
            const std::int64_t first = order.first_token(s);
            ASSERT_GE(first, 0);
            ASSERT_LE(first + context + 1, tokens) << context << " of " << tokens << ", " << s;
          }
        }
}

TEST(SequenceOrder, ShuffledTakesEveryWindowOfAnEpochOnce) {
  for (const std::int64_t tokens : {5, 9, 12, 40, 1000, 4097}) {
    const int context = 4;
    const SequenceOrder order(Kind::shuffled, 7, tokens, context, 2);
    for (std::int64_t epoch = 0; epoch < 20; ++epoch) {
      std::vector<std::int64_t> windows = firsts(order, epoch);
      std::ranges::sort(windows);
      ASSERT_LT(windows.front(), context);
      for (std::size_t i = 1; i < windows.size(); ++i)
        ASSERT_EQ(windows[i], windows[i - 1] + context) << tokens << ", epoch " << epoch;
    }
  }
}

TEST(SequenceOrder, AnEpochLeavesOutLessThanTwoWindows) {
  for (std::int64_t tokens = 17; tokens < 200; ++tokens) {
    const SequenceOrder order(Kind::shuffled, 0, tokens, 8, 1);
    EXPECT_LT(tokens - order.per_epoch() * 8, 2 * 8) << tokens;
  }
}

TEST(SequenceOrder, OffsetsOfEpochsTakeEveryValue) {
  const SequenceOrder order(Kind::shuffled, 1, 160, 16, 1);
  std::set<std::int64_t> offsets;
  for (std::int64_t epoch = 0; epoch < 400; ++epoch)
    offsets.insert(std::ranges::min(firsts(order, epoch)));
  EXPECT_EQ(offsets.size(), 16U);
}

TEST(SequenceOrder, EpochsAndSeedsDiffer) {
  const SequenceOrder one(Kind::shuffled, 1, 4001, 4, 1);
  const SequenceOrder two(Kind::shuffled, 2, 4001, 4, 1);
  const auto places_alike = [](const std::vector<std::int64_t>& a,
                               const std::vector<std::int64_t>& b) {
    int alike = 0;
    for (std::size_t i = 0; i < a.size(); ++i) alike += a[i] / 4 == b[i] / 4 ? 1 : 0;
    return alike;
  };
  const auto first = firsts(one, 0);
  ASSERT_EQ(first.size(), 999U);
  // Of random permutations, one place is alike on average; ten are not in a million tries.
  EXPECT_LT(places_alike(first, firsts(one, 1)), 10);
  EXPECT_LT(places_alike(first, firsts(two, 0)), 10);
  EXPECT_EQ(first, firsts(SequenceOrder(Kind::shuffled, 1, 4001, 4, 1), 0));
}

TEST(SequenceOrder, IsIndependentOfTheMicroBatchWhenShuffled) {
  EXPECT_EQ(firsts(SequenceOrder(Kind::shuffled, 3, 999, 7, 1), 2),
            firsts(SequenceOrder(Kind::shuffled, 3, 999, 7, 16), 2));
}

TEST(SequenceOrder, EveryOrderOfThreeWindowsComesUp) {
  // With 4 tokens and context 1, three windows; and each order in about a sixth of the epochs.
  std::map<std::vector<std::int64_t>, int> seen;
  const SequenceOrder order(Kind::shuffled, 11, 4, 1, 1);
  constexpr int epochs = 6000;
  for (int epoch = 0; epoch < epochs; ++epoch) ++seen[firsts(order, epoch)];
  ASSERT_EQ(seen.size(), 6U);
  for (const auto& [windows, count] : seen) {
    EXPECT_GT(count, 800);
    EXPECT_LT(count, 1200);
  }
}

TEST(SequenceOrder, EveryWindowComesFirstAboutAsOften) {
  std::vector<int> count(100);
  const SequenceOrder order(Kind::shuffled, 13, 101, 1, 1);
  ASSERT_EQ(order.per_epoch(), 100);
  for (int epoch = 0; epoch < 10000; ++epoch)
    ++count[static_cast<std::size_t>(order.first_token(epoch * 100))];
  double chi_square = 0;
  for (const int n : count) chi_square += (n - 100.0) * (n - 100.0) / 100;
  EXPECT_LT(chi_square, 149);  // 99 degrees of freedom: above with probability 0.001
}

TEST(SequenceOrder, WorksBeyond32Bits) {
  const std::int64_t tokens = std::int64_t{3} << 40;
  const SequenceOrder order(Kind::shuffled, 17, tokens, 2, 1);
  std::set<std::int64_t> seen;
  for (std::int64_t s = 0; s < 1000; ++s) {
    const std::int64_t first = order.first_token(order.per_epoch() / 2 + s);
    ASSERT_LE(first + 3, tokens);
    seen.insert(first);
  }
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_GT(*seen.rbegin(), tokens / 2);
}

TEST(SequenceOrder, SaysWhenTheDataAreTooShort) {
  EXPECT_TRUE(check_sequence_fits(9, 8, "a.txt"));
  const auto fits = check_sequence_fits(8, 8, "a.txt");
  ASSERT_FALSE(fits);
  EXPECT_EQ(fits.error().code, Code::data_invalid);
  EXPECT_EQ(to_text(fits.error()),
            "a.txt: there are 8 tokens, but a sequence of context 8 needs 9 (the last is only "
            "predicted)\n  hint: more data, or model_training.context = 7 at most");
}

}  // namespace
}  // namespace sovren::jobs
