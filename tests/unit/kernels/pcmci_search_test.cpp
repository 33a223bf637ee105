// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pcmci_search.h"

#include <gtest/gtest.h>

#include <array>

#include "kernels/causal/pc1.h"
#include "tests/unit/kernels/plain_search.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::chain;
using testing::correlation_of;
using testing::expect_same_links;
using testing::noise;
using testing::PlainSearch;
using testing::same_time_system;

void expect_plain_result(const std::vector<double>& data, int N, const SearchOptions& options) {
  const auto source = correlation_of(data, N, options.max_lag);
  const auto search = make_pcmci(source, options);
  expect_same_links(run_search(*search), PlainSearch(data, N, options).pcmci());
}

TEST(PcmciSearch, EqualsAPlainComputation) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const int min_lag : {0, 1, 2}) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " min_lag " + std::to_string(min_lag));
      SearchOptions options{.min_lag = min_lag, .max_lag = 2, .pc_alphas = {0.2}};
      options.has_fdr = seed % 2 == 0;
      expect_plain_result(same_time_system(200, seed), testing::same_time_variables, options);
    }
}

TEST(PcmciSearch, WithKnowledgeEqualsAPlainComputation) {
  for (const int min_lag : {0, 1}) {
    SearchOptions options{.min_lag = min_lag, .max_lag = 2, .pc_alphas = {0.2}};
    options.knowledge.forbid(0, 0, 1);  // strong in the data
    options.knowledge.forbid(3, 1, 2);
    options.knowledge.require(5, 0, 2);  // not in the data
    options.knowledge.forbid(2, 0, 0);
    options.knowledge.forbid(1, 2, 0);
    options.knowledge.forbid(2, 1, 0);
    options.knowledge.require(5, 3, 0);
    expect_plain_result(same_time_system(200, 5), testing::same_time_variables, options);
  }
}

TEST(PcmciSearch, KnowledgeDecidesWhatIsLinkedAndWhichWay) {
  SearchOptions options{.max_lag = 1};
  options.knowledge.forbid(0, 0, 1);
  options.knowledge.require(1, 0, 1);
  options.knowledge.forbid(2, 0, 0);
  options.knowledge.forbid(2, 1, 0);
  options.knowledge.forbid(1, 2, 0);
  options.knowledge.require(5, 3, 0);
  const auto source = correlation_of(same_time_system(500, 6), testing::same_time_variables, 1);
  const auto search = make_pcmci(source, options);
  const LinkTable& links = run_search(*search);
  const auto mark = [&](int i, int j, int lag) { return links.mark[links.index(i, j, lag)]; };
  EXPECT_EQ(mark(0, 0, 1), Mark::none);
  EXPECT_EQ(links.p_value[links.index(0, 0, 1)], 1);
  EXPECT_EQ(links.value[links.index(0, 0, 1)], 0);
  EXPECT_EQ(mark(1, 0, 1), Mark::directed);
  EXPECT_GT(links.q_value[links.index(1, 0, 1)], 0.05);  // required, not found
  EXPECT_EQ(mark(0, 2, 0), Mark::directed);
  EXPECT_EQ(mark(2, 0, 0), Mark::reversed);
  EXPECT_EQ(mark(1, 2, 0), Mark::none);
  EXPECT_EQ(links.p_value[links.index(1, 2, 0)], 1);
  EXPECT_EQ(mark(5, 3, 0), Mark::directed);
  EXPECT_EQ(mark(3, 5, 0), Mark::reversed);
  EXPECT_EQ(mark(3, 4, 0), Mark::undirected);
}

TEST(PcmciSearch, WithLimitsEqualsAPlainComputation) {
  SearchOptions options{.max_lag = 2, .pc_alphas = {0.3}};
  options.max_parents = 2;
  options.max_conditions = 1;
  expect_plain_result(same_time_system(200, 5), testing::same_time_variables, options);
}

TEST(PcmciSearch, AwkwardColumnsEqualAPlainComputation) {
  auto data = same_time_system(120, 7);
  const auto n = static_cast<std::size_t>(testing::same_time_variables);
  for (std::size_t t = 0; t < 120; ++t) {
    data[t * n + 1] = 0.1;                                  // constant
    data[t * n + 4] = 3 * data[t * n + 3] - 7;              // a copy
    data[t * n + 5] = 1e5 + data[t * n] + data[t * n + 2];  // a sum, far off
  }
  expect_plain_result(data, testing::same_time_variables, {.max_lag = 2, .pc_alphas = {0.2}});
}

TEST(PcmciSearch, ShortSeriesEqualAPlainComputation) {
  for (const int steps : {8, 10, 14})
    expect_plain_result(same_time_system(steps, 8), testing::same_time_variables,
                        {.max_lag = 2, .pc_alphas = {0.5}});
}

TEST(PcmciSearch, ShowsTheSelectedParentsBetweenTheRounds) {
  const auto source = correlation_of(chain(300, 4, 2, 9), 4, 2);
  const auto search = make_pcmci(source, {.max_lag = 2});
  EXPECT_EQ(search->phase(), "condition selection");
  EXPECT_EQ(search->fraction(), 0);
  std::vector<UnitResult> results;
  for (int unit = 0; unit < search->units(); ++unit) results.push_back(search->run(unit));
  search->close(results);
  EXPECT_EQ(search->phase(), "MCI");
  EXPECT_EQ(search->fraction(), 0.5);
  for (int j = 0; j < 4; ++j) {
    const auto parents = select_conditions(source, j, {.max_lag = 2}).parents;
    std::size_t marked = 0;
    for (int i = 0; i < 4; ++i)
      for (int lag = 0; lag <= 2; ++lag)
        marked += search->links().mark[search->links().index(i, j, lag)] == Mark::directed;
    EXPECT_EQ(marked, parents.size());
    for (const Parent& parent : parents) {
      const std::size_t at = search->links().index(parent.node.variable, j, parent.node.lag);
      EXPECT_EQ(search->links().mark[at], Mark::directed);
      EXPECT_EQ(search->links().p_value[at], parent.p_max);
    }
  }
}

TEST(PcmciSearch, IsRestoredByItsResults) {
  const auto source = correlation_of(same_time_system(200, 3), testing::same_time_variables, 2);
  const auto first = make_pcmci(source, {.max_lag = 2});
  const auto second = make_pcmci(source, {.max_lag = 2});
  while (!first->is_done()) {
    std::vector<UnitResult> results(static_cast<std::size_t>(first->units()));
    for (int unit = first->units(); unit-- > 0;)
      results[static_cast<std::size_t>(unit)] = first->run(unit);
    first->close(results);
    second->close(results);
    EXPECT_EQ(first->links().p_value, second->links().p_value);
    EXPECT_EQ(first->links().mark, second->links().mark);
    EXPECT_EQ(first->conditioning_level(), second->conditioning_level());
  }
  EXPECT_EQ(first->fraction(), 1);
  EXPECT_EQ(first->phase(), "done");
}

/// Autoregressive variables that know nothing of one another.
TEST(PcmciSearch, FindsOnePercentOfFalseLinksAtLevelOnePercent) {
  const int N = 120;
  auto data = noise(500, N, 11);
  for (std::size_t t = N; t < data.size(); ++t) data[t] += 0.8 * data[t - N];
  const auto source = correlation_of(data, N, 3);
  const SearchOptions options{.max_lag = 3, .pc_alphas = {0.2}, .alpha = 0.01, .has_fdr = false};
  const auto search = make_pcmci(source, options);
  const LinkTable& links = run_search(*search);
  std::array<int, 4> found{};  // by lag
  for (int i = 0; i < N; ++i)
    for (int j = 0; j < N; ++j)
      for (std::size_t lag = 0; lag <= 3; ++lag)
        found[lag] += i != j && links.mark[links.index(i, j, static_cast<int>(lag))] != Mark::none;
  for (const int links_of_lag : found) {
    const double rate = links_of_lag / (N * (N - 1.0));
    EXPECT_GE(rate, 0.007);
    EXPECT_LE(rate, 0.014);
  }
}

}  // namespace
}  // namespace sovren::kernels
