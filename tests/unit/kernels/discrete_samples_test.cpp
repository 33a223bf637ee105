// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/discrete_samples.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/count_tables.h"
#include "kernels/causal/pc_search.h"
#include "kernels/causal/pcmci_search.h"
#include "kernels/causal/usable_times.h"
#include "tests/unit/kernels/known_set.h"
#include "tests/unit/kernels/plain_discrete.h"

namespace sovren::kernels {
namespace {

using testing::plain_chi_square_p;
using testing::plain_counts;

constexpr DiscreteTest both_tests[] = {DiscreteTest::chi2, DiscreteTest::g2};

DiscreteSamples samples_of(const std::vector<double>& data, int N, int max_lag, DiscreteTest test,
                           const std::vector<std::uint8_t>& valid = {}) {
  const int steps = static_cast<int>(data.size()) / N;
  const Series series{.values = data, .steps = steps, .variables = N, .valid = valid};
  return *DiscreteSamples::make(series, UsableTimes(series, max_lag, all_times(steps, max_lag)),
                                test);
}

/// Variable v has 2 + v values, odd numbers of any size; each follows the one before it sometimes,
/// and itself the step before.
std::vector<double> discrete_series(int steps, int N, std::uint64_t seed) {
  const Philox random(seed);
  std::vector<double> data(static_cast<std::size_t>(steps * N));
  for (int t = 0; t < steps; ++t) {
    for (int v = 0; v < N; ++v) {
      const auto index = static_cast<std::size_t>(t * N + v);
      const auto levels = static_cast<std::uint64_t>(2 + v);
      std::uint64_t level = random.below(3 * index, levels);
      const double u = random.uniform(3 * index + 1);
      const auto level_at = [&](std::size_t other) {
        return static_cast<std::uint64_t>((data[other] + 7.5) / 2.25 + 0.5);
      };
      if (u < 0.3 && v > 0) level = level_at(index - 1) % levels;
      if (u > 0.8 && t > 0) level = level_at(index - static_cast<std::size_t>(N));
      data[index] = 2.25 * static_cast<double>(level) - 7.5;
    }
  }
  return data;
}

std::vector<double> column_of(const std::vector<double>& data, int N, int max_lag, Node node) {
  std::vector<double> column;
  for (int t = 2 * max_lag; t < static_cast<int>(data.size()) / N; ++t)
    column.push_back(data[static_cast<std::size_t>((t - node.lag) * N + node.variable)]);
  return column;
}

TEST(DiscreteSamples, GiveWhatPlainCountingGives) {
  const int N = 5;
  const auto data = discrete_series(400, N, 1);
  const std::vector<std::vector<Node>> sets{{},
                                            {{2, 0}},
                                            {{0, 1}, {3, 0}},
                                            {{1, 2}, {2, 1}, {4, 4}},
                                            {{0, 2}, {1, 3}, {2, 2}, {3, 1}, {4, 3}}};
  for (const DiscreteTest test : both_tests) {
    const DiscreteSamples source = samples_of(data, N, 2, test);
    EXPECT_EQ(source.samples(), 396);
    for (const auto& z : sets) {
      for (const auto& [x, y] : {std::pair{Node{0, 0}, Node{1, 0}}, {Node{3, 2}, Node{4, 0}}}) {
        std::vector<std::vector<double>> columns;
        for (const Node node : z) columns.push_back(column_of(data, N, 2, node));
        const auto plain =
            plain_counts(column_of(data, N, 2, x), column_of(data, N, 2, y), columns);
        const bool is_g2 = test == DiscreteTest::g2;
        const double value =
            is_g2 ? plain.g2 / (2 * 396) : std::sqrt(plain.chi2 / (396 * (plain.fewer_values - 1)));
        const auto p =
            static_cast<double>(plain_chi_square_p(is_g2 ? plain.g2 : plain.chi2, plain.df));
        const Partial partial = source.partial(x, y, z);
        EXPECT_NEAR(partial.value, value, 1e-9 * value);
        EXPECT_NEAR(partial.p_value, p, 1e-9 * p);
        EXPECT_EQ(partial.df, plain.df);
        EXPECT_GT(partial.df, 0);
        EXPECT_EQ(source.partial(y, x, z).df, plain.df);
        EXPECT_NEAR(source.partial(y, x, z).p_value, p, 1e-9 * p);
      }
    }
  }
}

TEST(DiscreteSamples, KnowATextbookTable) {
  std::vector<double> data;
  const int counts[2][2] = {{10, 20}, {30, 5}};
  for (int a = 0; a < 2; ++a)
    for (int b = 0; b < 2; ++b)
      for (int k = 0; k < counts[a][b]; ++k) data.insert(data.end(), {3.0 + a, 0.5 * b});
  const double chi2 = 65.0 * 550 * 550 / (30.0 * 35 * 40 * 25);
  const Partial pearson = samples_of(data, 2, 0, DiscreteTest::chi2).partial({0, 0}, {1, 0}, {});
  EXPECT_NEAR(pearson.value, std::sqrt(chi2 / 65), 1e-14);
  EXPECT_NEAR(pearson.p_value, std::erfc(std::sqrt(chi2 / 2)), 1e-16);
  EXPECT_EQ(pearson.df, 1);
  const double g2 =
      2 * (10 * std::log(10 * 65 / (30.0 * 40)) + 20 * std::log(20 * 65 / (30.0 * 25)) +
           30 * std::log(30 * 65 / (35.0 * 40)) + 5 * std::log(5 * 65 / (35.0 * 25)));
  const Partial ratio = samples_of(data, 2, 0, DiscreteTest::g2).partial({0, 0}, {1, 0}, {});
  EXPECT_NEAR(ratio.value, g2 / 130, 1e-14);
  EXPECT_NEAR(ratio.p_value, std::erfc(std::sqrt(g2 / 2)), 1e-16);
}

TEST(DiscreteSamples, CountNoFreedomWhereNothingVaries) {
  // With z = 0, x has two of its three values; with z = 1, y has one of its two.
  const std::vector<double> data{0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 2, 1, 1};
  const DiscreteSamples source = samples_of(data, 3, 0, DiscreteTest::chi2);
  EXPECT_EQ(source.partial({0, 0}, {1, 0}, {}).df, 2);
  EXPECT_EQ(source.partial({0, 0}, {1, 0}, std::vector<Node>{{2, 0}}).df, 1);
}

TEST(DiscreteSamples, SayNothingOfConstantsAndOfWhatIsDetermined) {
  std::vector<double> data;
  for (int t = 0; t < 200; ++t) {
    const double a = t % 3;
    data.insert(data.end(), {a, 2 * a, 7, static_cast<double>(t / 3 % 2)});
  }
  for (const DiscreteTest test : both_tests) {
    const DiscreteSamples source = samples_of(data, 4, 0, test);
    const Partial constant = source.partial({0, 0}, {2, 0}, {});
    EXPECT_EQ(constant.value, 0);
    EXPECT_EQ(constant.p_value, 1);
    EXPECT_FALSE(constant.determined);
    const Partial given_copy = source.partial({0, 0}, {3, 0}, std::vector<Node>{{1, 0}});
    EXPECT_EQ(given_copy.value, 0);
    EXPECT_EQ(given_copy.p_value, 1);
    EXPECT_TRUE(given_copy.determined);
    const Partial copy = source.partial({0, 0}, {1, 0}, {});
    EXPECT_NEAR(copy.value, test == DiscreteTest::chi2 ? 1 : std::log(3), 1e-4);
    EXPECT_LT(copy.p_value, 1e-40);
    const std::vector<Node> constant_z{{2, 0}};
    EXPECT_EQ(source.partial({0, 0}, {3, 0}, constant_z).value,
              source.partial({0, 0}, {3, 0}, {}).value);
  }
}

TEST(DiscreteSamples, DropSamplesWithAMissingValue) {
  const int N = 4;
  const auto data = discrete_series(500, N, 2);
  const Philox random(2, 5);
  auto damaged = data;
  std::vector<std::uint8_t> valid(data.size(), 1);
  std::vector<double> kept;
  for (std::size_t row = 0; row < data.size(); row += N) {
    if (random.uniform(row) < 0.2) valid[row + random.below(row + 1, 3)] = 0;
    for (std::size_t v = 0; v < N; ++v)
      if (valid[row + v] == 0) damaged[row + v] = std::nan("");
    if (valid[row] != 0 && valid[row + 1] != 0 && valid[row + 2] != 0)
      kept.insert(kept.end(), data.begin() + static_cast<std::ptrdiff_t>(row),
                  data.begin() + static_cast<std::ptrdiff_t>(row + N));
  }
  ASSERT_LT(kept.size(), data.size());
  const std::vector<Node> z{{2, 0}};
  for (const DiscreteTest test : both_tests) {
    const Partial partial = samples_of(damaged, N, 0, test, valid).partial({0, 0}, {1, 0}, z);
    const Partial expected = samples_of(kept, N, 0, test).partial({0, 0}, {1, 0}, z);
    EXPECT_EQ(partial.value, expected.value);
    EXPECT_EQ(partial.p_value, expected.p_value);
    EXPECT_EQ(partial.df, expected.df);
  }
}

TEST(DiscreteSamples, LeaveOutMaskedTimesByRole) {
  const int N = 3;
  const auto data = discrete_series(300, N, 8);
  std::vector<std::uint8_t> masked(data.size(), 0);
  for (std::size_t t = 100; t < 150; ++t) masked[t * N + 2] = 1;  // of variable 2
  const Series series{.values = data, .steps = 300, .variables = N, .valid = {}};
  const auto source = DiscreteSamples::make(
      series, UsableTimes(series, 0, all_times(300, 0), {.masked = masked, .in_y = true}),
      DiscreteTest::g2);
  ASSERT_TRUE(source);
  std::vector<int> others;
  for (const int t : all_times(300, 0))
    if (t < 100 || t >= 150) others.push_back(t);
  const auto without =
      DiscreteSamples::make(series, UsableTimes(series, 0, others), DiscreteTest::g2);
  ASSERT_TRUE(without);
  const DiscreteSamples whole = samples_of(data, N, 0, DiscreteTest::g2);
  const std::vector<Node> z{{1, 0}};
  EXPECT_EQ(source->partial({0, 0}, {2, 0}, z).value, without->partial({0, 0}, {2, 0}, z).value);
  EXPECT_EQ(source->partial({2, 0}, {0, 0}, z).value, whole.partial({2, 0}, {0, 0}, z).value);
  EXPECT_EQ(source->fit({2, 0}, z).samples, 250);
}

TEST(DiscreteSamples, TakeTimePointsWithRepetition) {
  const int N = 3;
  const auto data = discrete_series(300, N, 3);
  std::vector<int> times = all_times(300, 1);
  times.insert(times.end(), times.begin(), times.end());
  const Series series{.values = data, .steps = 300, .variables = N, .valid = {}};
  const auto twice = DiscreteSamples::make(series, UsableTimes(series, 1, times), DiscreteTest::g2);
  ASSERT_TRUE(twice);
  const DiscreteSamples once = samples_of(data, N, 1, DiscreteTest::g2);
  const std::vector<Node> z{{0, 1}};
  const Partial a = twice->partial({1, 1}, {2, 0}, z);
  const Partial b = once.partial({1, 1}, {2, 0}, z);
  EXPECT_EQ(twice->samples(), 2 * once.samples());
  EXPECT_NEAR(a.value, b.value, 1e-14);  // of twice the samples: twice the statistic
  EXPECT_LT(a.p_value, b.p_value);
}

TEST(DiscreteSamples, RefuseContinuousData) {
  const Philox random(4);
  std::vector<double> data(200);
  for (std::size_t k = 0; k < 200; ++k) data[k] = k % 2 == 0 ? random.normal(k) : 0;
  const Series series{.values = data, .steps = 100, .variables = 2, .valid = {}};
  const auto made =
      DiscreteSamples::make(series, UsableTimes(series, 0, all_times(100, 0)), DiscreteTest::chi2);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, Code::data_invalid);
  EXPECT_EQ(made.error().what,
            "variable 0 has more than 64 different values: too many for a test of discrete data");
  EXPECT_EQ(made.error().hint, "for continuous data use test = \"parcorr\"");
}

TEST(DiscreteSamples, FitGivesAkaikesCriterionOfTheTable) {
  const int N = 4;
  const auto data = discrete_series(400, N, 5);
  const DiscreteSamples source = samples_of(data, N, 1, DiscreteTest::chi2);
  const std::vector<Node> z{{1, 1}, {2, 0}};
  std::vector<double> joint = column_of(data, N, 1, z[0]);
  const auto second = column_of(data, N, 1, z[1]);
  for (std::size_t s = 0; s < joint.size(); ++s) joint[s] = 1000 * joint[s] + second[s];
  const auto plain = plain_counts(joint, column_of(data, N, 1, {3, 0}), {});
  const Fit fit = source.fit({3, 0}, z);
  EXPECT_EQ(fit.samples, 398);
  EXPECT_NEAR(398 * std::log(fit.unexplained) + 2 * 2, 2 * plain.df - plain.g2, 1e-9);
  EXPECT_EQ(source.fit({3, 0}, {}).unexplained, 1);
}

TEST(CountTables, AreTheSameWhereTheTableIsLargerThanTheData) {
  // 64 values each: up to twelve conditions overflow a word.
  const std::size_t m = 600;
  const Philox random(6);
  std::vector<std::vector<std::uint8_t>> codes(14, std::vector<std::uint8_t>(m));
  for (std::size_t c = 0; c < codes.size(); ++c)
    for (std::size_t s = 0; s < m; ++s)
      codes[c][s] = static_cast<std::uint8_t>(c < 2 ? random.below(c * m + s, 3)
                                                    : 63 * random.below(c * m + s % 100, 2));
  for (const std::size_t size : {1U, 2U, 12U}) {
    std::vector<CodedColumn> z;
    std::vector<std::vector<double>> plain_z;
    for (std::size_t c = 2; c < 2 + size; ++c) {
      z.push_back({codes[c].data(), 64});
      plain_z.emplace_back(codes[c].begin(), codes[c].end());
    }
    const TableSum sum = sum_of_tables({codes[0].data(), 3}, {codes[1].data(), 3}, z, m);
    const auto plain = plain_counts({codes[0].begin(), codes[0].end()},
                                    {codes[1].begin(), codes[1].end()}, plain_z);
    EXPECT_NEAR(sum.chi2, plain.chi2, 1e-10 * plain.chi2);
    EXPECT_NEAR(sum.g2, plain.g2, 1e-10 * plain.g2);
    EXPECT_EQ(sum.df, plain.df);
    EXPECT_EQ(sum.rows, 7U);
  }
}

TEST(CountTables, NumbersCombinationsInTheirOrder) {
  const std::vector<std::uint8_t> a{1, 0, 1, 0, 2};
  const std::vector<std::uint8_t> b{0, 3, 2, 3, 0};
  const std::vector<CodedColumn> columns{{a.data(), 3}, {b.data(), 4}};
  const Strata strata = strata_of(columns, 5);
  EXPECT_EQ(strata.count, 4U);
  EXPECT_EQ(strata.of_sample, (std::vector<std::uint32_t>{1, 0, 2, 0, 3}));
}

TEST(DiscreteSamples, LetPcmciFindLaggedLinks) {
  const int N = 3;
  const Philox random(7);
  std::vector<double> data;  // 0 drives 1 with delay 1, 1 drives 2 with delay 2, by repetition
  for (int t = 0; t < 2000; ++t) {
    for (int v = 0; v < N; ++v) {
      const auto index = static_cast<std::uint64_t>(2 * (t * N + v));
      double value = static_cast<double>(random.below(index, 3));
      if (v > 0 && t >= v && random.uniform(index + 1) < 0.5)
        value = data[static_cast<std::size_t>((t - v) * N + v - 1)];
      data.push_back(value);
    }
  }
  for (const DiscreteTest test : both_tests) {
    const DiscreteSamples source = samples_of(data, N, 2, test);
    const auto search = make_pcmci(source, {.max_lag = 2, .pc_alphas = {0.05, 0.2}, .alpha = 1e-4});
    const LinkTable& links = run_search(*search);
    for (int i = 0; i < N; ++i)
      for (int j = 0; j < N; ++j)
        for (int lag = 1; lag <= 2; ++lag)
          EXPECT_EQ(links.mark[links.index(i, j, lag)] == Mark::directed, j == i + 1 && lag == j)
              << i << " " << j << " " << lag;
  }
}

TEST(DiscreteSamples, LetPcFindTheNetworksOfTheField) {
  const char* source = std::getenv("SOVREN_SOURCE");
  const std::string folder =
      std::string(source == nullptr ? "." : source) + "/../shared/data/causal";
  // causal-learn, chi2 at level 0.05: F1 of the skeleton .894 (insurance) and .957 (alarm).
  for (const auto& [name, f1] : {std::pair{"insurance", 0.894}, {"alarm", 0.957}}) {
    const auto set = testing::read_known_set(folder, name);
    if (set.variables == 0) GTEST_SKIP() << "not there: " << folder << "/" << name;
    const DiscreteSamples samples = samples_of(set.data, set.variables, 0, DiscreteTest::chi2);
    PcSearch search(samples, {.pc_alphas = {0.05}});
    const LinkTable& links = run_search(search);
    int found = 0;
    int right = 0;
    for (int i = 0; i < set.variables; ++i) {
      for (int j = i + 1; j < set.variables; ++j) {
        if (links.mark[links.index(i, j, 0)] == Mark::none) continue;
        ++found;
        right += set.is_link(i, j);
      }
    }
    EXPECT_NEAR(2.0 * right / (found + static_cast<double>(set.links.size())), f1, 0.001) << name;
  }
}

}  // namespace
}  // namespace sovren::kernels
