// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pcmci_plus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "kernels/causal/plus_units.h"
#include "tests/unit/kernels/plain_search.h"
#include "tests/unit/kernels/systems.h"

namespace sovren::kernels {
namespace {

using testing::correlation_of;
using testing::expect_same_links;
using testing::noise;
using testing::PlainSearch;
using testing::same_time_system;
using testing::same_time_variables;

LinkTable plus_of(const std::vector<double>& data, int N, const SearchOptions& options) {
  const auto source = correlation_of(data, N, options.max_lag);
  const auto search = make_pcmci_plus(source, options);
  return run_search(*search);
}

void expect_plain_result(const std::vector<double>& data, int N, const SearchOptions& options) {
  expect_same_links(plus_of(data, N, options), PlainSearch(data, N, options).pcmci_plus());
}

/// What stands at lag 0, counted.
std::map<Mark, int> marks_at_lag_0(const LinkTable& links) {
  std::map<Mark, int> marks;
  for (int i = 0; i < links.variables; ++i)
    for (int j = i + 1; j < links.variables; ++j) ++marks[links.mark[links.index(i, j, 0)]];
  return marks;
}

TEST(PcmciPlus, EqualsAPlainComputation) {
  std::map<Mark, int> seen;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const double alpha = seed % 2 == 0 ? 0.01 : seed > 5 ? 0.5 : 0.2;  // sparse and dense
    const auto data = same_time_system(seed % 3 == 0 ? 80 : 300, seed);
    const SearchOptions options{.max_lag = 2, .pc_alphas = {alpha}};
    for (const auto& [mark, count] : marks_at_lag_0(plus_of(data, same_time_variables, options)))
      seen[mark] += count;
    expect_plain_result(data, same_time_variables, options);
  }
  for (const Mark mark :
       {Mark::none, Mark::directed, Mark::reversed, Mark::undirected, Mark::conflict})
    EXPECT_GT(seen[mark], 0) << "the systems show every mark";
}

/// Many neighbours, whose order decides which set is tried first.
TEST(PcmciPlus, OnADenseSystemEqualsAPlainComputation) {
  const int N = 9;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    auto data = noise(150, N, seed);
    const Philox draw(seed, 1);
    for (std::size_t t = 0; t < 150; ++t)
      for (std::uint64_t j = 0; j < N; ++j)
        for (std::uint64_t i = 0; i < j; ++i)
          if (draw.uniform(i * N + j) < 0.4)
            data[t * N + j] += (draw.uniform(100 + i * N + j) - 0.5) * data[t * N + i];
    expect_plain_result(data, N, {.max_lag = 1, .pc_alphas = {0.05}});
  }
}

TEST(PcmciPlus, WithoutLagsAndWithLagsOnlyEqualsAPlainComputation) {
  const auto data = same_time_system(200, 9);
  for (const auto& [min_lag, max_lag] : {std::pair{0, 0}, {0, 1}, {1, 1}, {1, 3}, {2, 3}}) {
    SCOPED_TRACE(std::to_string(min_lag) + " to " + std::to_string(max_lag));
    expect_plain_result(data, same_time_variables,
                        {.min_lag = min_lag, .max_lag = max_lag, .pc_alphas = {0.1}});
  }
}

TEST(PcmciPlus, WithKnowledgeEqualsAPlainComputation) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed)
    for (const int min_lag : {0, 1}) {
      SearchOptions options{.min_lag = min_lag, .max_lag = 2, .pc_alphas = {0.1}};
      options.knowledge.forbid(0, 0, 1);
      options.knowledge.require(5, 0, 2);
      options.knowledge.forbid(3, 2, 0);
      options.knowledge.forbid(4, 5, 0);
      options.knowledge.forbid(5, 4, 0);
      options.knowledge.require(0, 1, 0);
      expect_plain_result(same_time_system(200, seed), same_time_variables, options);
    }
}

TEST(PcmciPlus, WithLimitsEqualsAPlainComputation) {
  for (int limit = 0; limit <= 2; ++limit) {
    SearchOptions options{.max_lag = 2, .pc_alphas = {0.3}};
    options.max_parents = limit;
    options.max_conditions = limit;
    expect_plain_result(same_time_system(200, 5), same_time_variables, options);
  }
}

TEST(PcmciPlus, AwkwardColumnsEqualAPlainComputation) {
  auto data = same_time_system(150, 7);
  const auto n = static_cast<std::size_t>(same_time_variables);
  for (std::size_t t = 0; t < 150; ++t) {
    data[t * n + 1] = 0.1;                                  // constant
    data[t * n + 5] = 1e5 + data[t * n] + data[t * n + 2];  // a sum, far off
  }
  expect_plain_result(data, same_time_variables, {.max_lag = 1, .pc_alphas = {0.1}});
  for (std::size_t t = 0; t < 150; ++t) data[t * n + 5] = 3 * data[t * n + 3] - 7;  // a copy
  expect_plain_result(data, same_time_variables, {.max_lag = 1, .pc_alphas = {0.1}});
}

TEST(PcmciPlus, ShortSeriesEqualAPlainComputation) {
  for (const int steps : {8, 10, 14, 20})
    for (const double alpha : {0.1, 0.6})
      expect_plain_result(same_time_system(steps, 8), same_time_variables,
                          {.max_lag = 2, .pc_alphas = {alpha}});
  for (const int steps : {5, 6})
    expect_plain_result(same_time_system(steps, 8), same_time_variables,
                        {.max_lag = 0, .pc_alphas = {0.95}});
}

/// x, y, z with memory; links at lag 0 as given, all of strength 0.6.
std::vector<double> small_system(int T, const std::vector<std::pair<int, int>>& links, int N,
                                 std::uint64_t seed) {
  auto data = noise(T, N, seed);
  for (int t = 0; t < T; ++t)
    for (int j = 0; j < N; ++j) {
      const auto at = [&](int time, int variable) -> double& {
        return data[static_cast<std::size_t>(time * N + variable)];
      };
      if (t > 0) at(t, j) += 0.5 * at(t - 1, j);
      for (const auto& [source, target] : links)
        if (target == j) at(t, j) += 0.6 * at(t, source);
    }
  return data;
}

TEST(PcmciPlus, OrientsAColliderWithoutMemory) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto data = noise(500, 3, seed);
    for (std::size_t t = 0; t < 500; ++t) data[t * 3 + 1] += data[t * 3] + data[t * 3 + 2];
    const LinkTable links = plus_of(data, 3, {.max_lag = 1, .pc_alphas = {0.001}});
    EXPECT_EQ(links.mark[links.index(0, 1, 0)], Mark::directed);
    EXPECT_EQ(links.mark[links.index(1, 0, 0)], Mark::reversed);
    EXPECT_EQ(links.mark[links.index(2, 1, 0)], Mark::directed);
    EXPECT_EQ(links.mark[links.index(0, 2, 0)], Mark::none);
  }
}

TEST(PcmciPlus, LeavesAChainWithoutMemoryUndirected) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    auto data = noise(500, 3, seed);
    for (std::size_t t = 0; t < 500; ++t) {
      data[t * 3 + 1] += data[t * 3];
      data[t * 3 + 2] += data[t * 3 + 1];
    }
    const LinkTable links = plus_of(data, 3, {.max_lag = 1, .pc_alphas = {0.001}});
    EXPECT_EQ(links.mark[links.index(0, 1, 0)], Mark::undirected);
    EXPECT_EQ(links.mark[links.index(1, 2, 0)], Mark::undirected);
    EXPECT_EQ(links.mark[links.index(0, 2, 0)], Mark::none);
  }
}

/// The past of each variable is an unshielded parent: it tells the direction.
TEST(PcmciPlus, MemoryTellsTheDirectionOfAChain) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const LinkTable links = plus_of(small_system(1000, {{0, 1}, {1, 2}}, 3, seed), 3,
                                    {.max_lag = 1, .pc_alphas = {0.001}});
    for (int i = 0; i < 3; ++i) EXPECT_EQ(links.mark[links.index(i, i, 1)], Mark::directed);
    EXPECT_EQ(links.mark[links.index(0, 1, 0)], Mark::directed);
    EXPECT_EQ(links.mark[links.index(1, 2, 0)], Mark::directed);
    EXPECT_EQ(links.mark[links.index(2, 1, 0)], Mark::reversed);
    EXPECT_EQ(links.mark[links.index(0, 2, 0)], Mark::none);
  }
}

TEST(PcmciPlus, LagZeroIsSymmetric) {
  const LinkTable links =
      plus_of(same_time_system(100, 4), same_time_variables, {.max_lag = 2, .pc_alphas = {0.3}});
  for (int i = 0; i < links.variables; ++i)
    for (int j = 0; j < links.variables; ++j) {
      const std::size_t a = links.index(i, j, 0);
      const std::size_t b = links.index(j, i, 0);
      EXPECT_EQ(links.value[a], links.value[b]);
      EXPECT_EQ(links.p_value[a], links.p_value[b]);
      EXPECT_EQ(links.q_value[a], links.q_value[b]);
      EXPECT_EQ(links.mark[a], mirrored(links.mark[b]));
    }
}

TEST(PcmciPlus, MarksExactlyTheLinksThatNoTestBroke) {
  const LinkTable links =
      plus_of(same_time_system(200, 6), same_time_variables, {.max_lag = 2, .pc_alphas = {0.05}});
  for (std::size_t at = 0; at < links.mark.size(); ++at)
    EXPECT_EQ(links.mark[at] != Mark::none, links.p_value[at] <= 0.05) << at;
}

TEST(PcmciPlus, KnowledgeDirectsAndSpreads) {
  auto data = noise(500, 3, 3);
  for (std::size_t t = 0; t < 500; ++t) {
    data[t * 3 + 1] += data[t * 3];
    data[t * 3 + 2] += data[t * 3 + 1];
  }
  SearchOptions options{.max_lag = 1, .pc_alphas = {0.001}};
  options.knowledge.forbid(1, 0, 0);  // then 0 --> 1, and 1 --> 2 for it is no collider
  const LinkTable links = plus_of(data, 3, options);
  EXPECT_EQ(links.mark[links.index(0, 1, 0)], Mark::directed);
  EXPECT_EQ(links.mark[links.index(1, 2, 0)], Mark::directed);
}

TEST(PcmciPlus, AnyOrderOfUnitsAndTheLogOfResultsGiveTheSameBits) {
  const auto source = correlation_of(same_time_system(150, 3), same_time_variables, 2);
  const SearchOptions options{.max_lag = 2, .pc_alphas = {0.2}};
  const auto first = make_pcmci_plus(source, options);
  const auto second = make_pcmci_plus(source, options);
  std::set<std::string> phases;
  double fraction = 0;
  while (!first->is_done()) {
    phases.insert(first->phase());
    EXPECT_GE(first->fraction(), fraction);
    EXPECT_GT(first->fraction_after(), first->fraction());
    fraction = first->fraction_after();
    std::vector<UnitResult> results(static_cast<std::size_t>(first->units()));
    for (int unit = first->units(); unit-- > 0;) {
      EXPECT_GT(first->cost_s(unit), 0);
      results[static_cast<std::size_t>(unit)] = first->run(unit);
    }
    first->close(results);
    second->close(results);
  }
  EXPECT_EQ(first->fraction(), 1);
  EXPECT_TRUE(phases.contains("skeleton, 1 condition"));
  EXPECT_TRUE(phases.contains("skeleton, 2 conditions"));
  EXPECT_TRUE(phases.contains("colliders"));
  const auto whole = make_pcmci_plus(source, options);
  run_search(*whole);
  for (const Search* other : {second.get(), whole.get()}) {
    EXPECT_EQ(first->links().value, other->links().value);
    EXPECT_EQ(first->links().p_value, other->links().p_value);
    EXPECT_EQ(first->links().q_value, other->links().q_value);
    EXPECT_EQ(first->links().mark, other->links().mark);
    EXPECT_EQ(first->conditioning_level(), other->conditioning_level());
  }
}

/// Judges by a p-value of its own, as permutation tests do, and keeps what it was asked.
class OwnP : public TestSource {
 public:
  struct Question {
    std::set<std::pair<int, int>> pair;
    std::set<std::pair<int, int>> conditions;
    auto operator<=>(const Question&) const = default;
  };
  mutable std::vector<Question> asked;

  OwnP(const TestSource& inner) : inner_(inner) {}
  int variables() const override { return inner_.variables(); }
  int max_lag() const override { return inner_.max_lag(); }
  int samples() const override { return inner_.samples(); }
  Partial partial(Node x, Node y, std::span<const Node> z) const override {
    Question question{{{x.variable, x.lag}, {y.variable, y.lag}}, {}};
    for (const Node node : z) question.conditions.insert({node.variable, node.lag});
    asked.push_back(question);
    Partial result = inner_.partial(x, y, z);
    result.p_value = std::abs(result.value) > 0.2 ? 0.0 : 1.0;
    return result;
  }
  Fit fit(Node y, std::span<const Node> z) const override { return inner_.fit(y, z); }

 private:
  const TestSource& inner_;
};

TEST(PcmciPlus, ObeysThePValueOfTheTest) {
  auto data = noise(500, 3, 5);
  for (std::size_t t = 0; t < 500; ++t) data[t * 3 + 1] += data[t * 3] + data[t * 3 + 2];
  const auto inner = correlation_of(data, 3, 1);
  const OwnP source(inner);
  const auto search = make_pcmci_plus(source, {.max_lag = 1, .pc_alphas = {0.01}});
  const LinkTable& links = run_search(*search);
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 3; ++j)
      for (int lag = 0; lag <= 1; ++lag) {
        const std::size_t at = links.index(i, j, lag);
        if (i == j && lag == 0) continue;
        EXPECT_EQ(links.p_value[at], std::abs(links.value[at]) > 0.2 ? 0.0 : 1.0);
        EXPECT_EQ(links.mark[at] != Mark::none, lag == 0 && (i == 1 || j == 1));
      }
  EXPECT_EQ(links.mark[links.index(0, 1, 0)], Mark::directed);
}

TEST(PcmciPlus, OfEqualPValuesTheSmallerValueCounts) {
  auto data = noise(2000, 6, 5);  // two triangles
  for (std::size_t t = 0; t < 2000; ++t) {
    double* const x = data.data() + t * 6;
    x[1] += 0.5 * x[0];
    x[2] += x[0] + x[1];
    x[4] += 0.3 * x[3];
    x[5] += 2 * x[3] + 2 * x[4];
  }
  const auto inner = correlation_of(data, 6, 0);
  const OwnP source(inner);
  const auto search = make_pcmci_plus(source, {.pc_alphas = {0.01}});
  const LinkTable& links = run_search(*search);
  std::set<bool> is_alone_smaller;
  for (const auto& [i, j, k] : {std::array{0, 2, 1}, {1, 2, 0}, {3, 4, 5}, {3, 5, 4}}) {
    const double alone = inner.partial({i, 0}, {j, 0}, {}).value;
    const double given = inner.partial({i, 0}, {j, 0}, std::vector<Node>{{k, 0}}).value;
    is_alone_smaller.insert(std::abs(alone) < std::abs(given));
    EXPECT_EQ(links.p_value[links.index(i, j, 0)], 0);
    EXPECT_NEAR(links.value[links.index(i, j, 0)],
                std::abs(alone) < std::abs(given) ? alone : given, 1e-14);
  }
  EXPECT_EQ(is_alone_smaller.size(), 2U);
}

TEST(PcmciPlus, TheSkeletonAsksNothingOfAPairTwice) {
  const auto inner = correlation_of(same_time_system(200, 2), same_time_variables, 2);
  const OwnP source(inner);
  const auto search = make_pcmci_plus(source, {.max_lag = 2, .pc_alphas = {0.01}});
  while (search->phase() != "colliders") {
    source.asked.clear();
    std::vector<UnitResult> results;
    for (int unit = 0; unit < search->units(); ++unit) results.push_back(search->run(unit));
    search->close(results);
    const std::set<OwnP::Question> different(source.asked.begin(), source.asked.end());
    EXPECT_EQ(different.size(), source.asked.size());
    std::int64_t counted = 0;
    for (const UnitResult& result : results) counted += result.counts.tests;
    EXPECT_EQ(counted, std::ssize(source.asked));
  }
}

TEST(PcmciPlus, ALinkIsAsStrongAsItsWeakestTestFromEachSide) {
  const auto source = correlation_of(same_time_system(100, 4), same_time_variables, 0);
  PlusConditions conditions;
  conditions.parents.resize(same_time_variables);
  conditions.neighbours.resize(same_time_variables);
  conditions.neighbours[2] = {0, 1, 3, 5};
  conditions.neighbours[3] = {4, 2, 5};
  const LinkFound found = PlusTests(source, conditions, 1.0).link({{2, 0}, 3}, 2, false);
  const auto strength = [&](int a, int b) {
    return std::abs(source.partial({2, 0}, {3, 0}, std::vector<Node>{{a, 0}, {b, 0}}).value);
  };
  EXPECT_NEAR(found.least_of_x, strength(4, 5), 1e-14);
  const double of_y = std::min({strength(0, 1), strength(0, 5), strength(1, 5)});
  EXPECT_NEAR(found.least_of_y, of_y, 1e-14);
  EXPECT_GT(std::abs(found.least_of_x - found.least_of_y), 1e-3);
  EXPECT_EQ(found.counts.tests, 4);
}

TEST(PcmciPlus, ATripleWithManyNeighboursIsCutShort) {
  const int N = 20;
  const auto source = correlation_of(noise(50, N, 1), N, 0);
  PlusConditions conditions;
  conditions.parents.resize(N);
  conditions.neighbours.resize(N);
  for (int k = 2; k < N; ++k) conditions.neighbours[0].push_back(k);
  const PlusTests tests(source, conditions, 0.01);
  EXPECT_EQ(tests.triple({{1, 0}, 5, 0}, 20).counts.tests, triple_sets_max);
  EXPECT_EQ(tests.triple({{1, 0}, 5, 0}, 1).counts.tests, 1 + 18);
}

}  // namespace
}  // namespace sovren::kernels
