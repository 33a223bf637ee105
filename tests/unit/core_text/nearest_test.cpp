// SPDX-License-Identifier: Apache-2.0
#include "core/text/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace sovren::text {
namespace {

TEST(DamerauLevenshtein, CountsInsertDeleteReplaceAndSwap) {
  struct Case {
    const char *a, *b;
    std::size_t distance;
  };
  for (const Case& c : {Case{"", "", 0}, Case{"", "abc", 3}, Case{"abc", "", 3},
                        Case{"ranks", "ranks", 0}, Case{"rank", "ranks", 1},
                        Case{"rnaks", "ranks", 1}, Case{"ca", "abc", 2},  // a swap, edited inside
                        Case{"kitten", "sitting", 3}, Case{"abcdef", "badcfe", 3}}) {
    EXPECT_EQ(damerau_levenshtein(c.a, c.b), c.distance) << c.a << " " << c.b;
    EXPECT_EQ(damerau_levenshtein(c.b, c.a), c.distance) << c.b << " " << c.a;
  }
}

TEST(Nearest, GuessesWhatWasMeantAndNothingFarFetched) {
  constexpr std::array<std::string_view, 12> keys{
      "nodes",           "ranks",      "ranks_min", "ranks_max",     "cpus_per_rank", "backend",
      "memory_per_rank", "time_limit", "interval",  "oversubscribe", "pcmci",         "pcmci-plus"};
  struct Case {
    const char *word, *expected;
  };
  for (const Case& c :
       {Case{"rank", "ranks"}, Case{"rnaks", "ranks"}, Case{"Ranks", "ranks"},
        Case{"RANKS", "ranks"}, Case{"ranks_mn", "ranks_min"}, Case{"time-limit", "time_limit"},
        Case{"timelimit", "time_limit"}, Case{"backed", "backend"},
        Case{"memory", "memory_per_rank"}, Case{"cpus", "cpus_per_rank"},
        Case{"over", "oversubscribe"}, Case{"pcmci+", "pcmci"}, Case{"pcmci_plus", "pcmci-plus"},
        Case{"node", "nodes"}, Case{"", ""}, Case{"zzz", ""}, Case{"gpu", ""}, Case{"x", ""},
        Case{"wall_clock", ""}}) {
    EXPECT_EQ(nearest(c.word, keys), c.expected) << c.word;
  }
}

TEST(Nearest, PrefersTheFirstOfEquallyNearOnes) {
  constexpr std::array<std::string_view, 2> words{"cat", "bat"};
  EXPECT_EQ(nearest("hat", words), "cat");
}

TEST(Nearest, IgnoresEndlessWords) {
  constexpr std::array<std::string_view, 1> words{"ranks"};
  EXPECT_EQ(nearest(std::string(100'000, 'r'), words), "");
  EXPECT_EQ(nearest("ranks", {}), "");
}

}  // namespace
}  // namespace sovren::text
