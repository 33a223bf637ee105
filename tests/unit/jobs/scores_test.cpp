// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/scores.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "jobs/causal/graph.h"

namespace sovren::jobs {
namespace {

Table table_of(std::vector<std::string> names, std::vector<std::string> unused = {}) {
  Table table;
  table.names = names;
  table.columns = static_cast<int>(names.size());
  table.all_names = names;
  table.all_names.insert(table.all_names.end(), unused.begin(), unused.end());
  return table;
}

std::string truth_file(const std::string& text) {
  const std::string path = testing::TempDir() + "truth_" + std::to_string(getpid()) + ".csv";
  std::ofstream(path) << text;
  return path;
}

std::string message(const std::string& text) {
  const std::string path = truth_file(text);
  const auto truth = read_truth(path, table_of({"wind", "rain"}));
  if (truth) return "no error";
  std::string what = to_text(truth.error());
  what.replace(what.find(path), path.size(), "truth.csv");
  return what;
}

TEST(Truth, ReadsLinksWithAndWithoutLags) {
  const Table table = table_of({"a", "b", "c"});
  const auto lagged = read_truth(truth_file("target,source,lag\nb,a,2\nc,b,1\n"), table);
  ASSERT_TRUE(lagged);
  EXPECT_TRUE(lagged->has_lags);
  ASSERT_EQ(lagged->links.size(), 2U);
  EXPECT_EQ(lagged->links[0].source, 0);
  EXPECT_EQ(lagged->links[0].target, 1);
  EXPECT_EQ(lagged->links[0].lag, 2);
  const auto plain = read_truth(truth_file("source,target\na,b\n"), table);
  ASSERT_TRUE(plain);
  EXPECT_FALSE(plain->has_lags);
  EXPECT_EQ(plain->links[0].lag, -1);
}

TEST(Truth, SaysWhatItLeavesOut) {
  const auto truth =
      read_truth(truth_file("source,target,lag\na,a,1\na,b,0\nb,a,0\na,d,1\na,b,1\n"),
                 table_of({"a", "b"}, {"d"}));
  ASSERT_TRUE(truth);
  EXPECT_EQ(truth->links.size(), 3U);
  EXPECT_EQ(truth->notes,
            (std::vector<std::string>{"truth: 1 link of variables that are not used: not scored",
                                      "truth: 1 link from a variable to itself: not scored"}));
}

TEST(Truth, SaysWhatIsWrong) {
  EXPECT_EQ(message("from,to\na,b\n"),
            "truth.csv: there is no column 'source'\n"
            "  hint: the truth needs the columns source, target and, if known, lag");
  EXPECT_EQ(message("source,target\nwind,rian\n"),
            "truth.csv:2: the data have no variable 'rian'\n"
            "  hint: did you mean 'rain'?");
  EXPECT_EQ(message("source,target,lag\nwind,rain,-1\n"),
            "truth.csv:2: column 'lag': '-1' is not a lag (allowed: 0, 1, 2, ...)");
  EXPECT_EQ(message("source,target,lag\nwind,rain\n"),
            "truth.csv:2: 2 cells where there are 3 columns: column 'lag' has none\n"
            "  hint: every row needs one cell per column");
}

/// Five variables, lags to 2: 40 possible lagged links, 20 possible pairs.
CausalGraph graph_of(std::vector<Link> links) {
  CausalGraph graph;
  graph.variables = {"a", "b", "c", "d", "e"};
  graph.spec.max_lag = 2;
  graph.links = std::move(links);
  return graph;
}

TEST(Score, CountsWithAndWithoutLag) {
  Truth truth;
  truth.has_lags = true;
  truth.links = {{0, 1, 1}, {1, 2, 2}, {2, 3, 1}, {3, 4, 1}};
  // right; right pair at a wrong, stronger lag and at the right one; not there; self and lag 0 do
  // not count.
  const Scores scores = score(graph_of({{0, 1, 1, 0.5},
                                        {1, 2, 1, -0.4},
                                        {1, 2, 2, 0.2},
                                        {4, 0, 1, 0.3},
                                        {2, 2, 1, 0.9},
                                        {0, 3, 0, 0.6, 0, 0, LinkType::undirected}}),
                              truth);
  ASSERT_TRUE(scores.with_lag);
  EXPECT_EQ(scores.with_lag->true_positives, 2);
  EXPECT_EQ(scores.with_lag->false_positives, 2);
  EXPECT_EQ(scores.with_lag->false_negatives, 2);
  EXPECT_EQ(scores.with_lag->true_negatives, 34);
  EXPECT_DOUBLE_EQ(*scores.with_lag->precision(), 0.5);
  EXPECT_DOUBLE_EQ(*scores.with_lag->recall(), 0.5);
  EXPECT_DOUBLE_EQ(*scores.with_lag->f1(), 0.5);
  EXPECT_DOUBLE_EQ(*scores.with_lag->false_positive_rate(), 2.0 / 36);
  EXPECT_DOUBLE_EQ(scores.with_lag->mcc(), (2.0 * 34 - 2 * 2) / (4.0 * 36));
  EXPECT_EQ(scores.without_lag.true_positives, 2);
  EXPECT_EQ(scores.without_lag.false_positives, 1);
  EXPECT_EQ(scores.without_lag.false_negatives, 2);
  EXPECT_EQ(scores.without_lag.true_negatives, 15);
  EXPECT_DOUBLE_EQ(*scores.temporal_accuracy, 0.5);
}

/// Found: c --> d and a o-o b at lag 0, b --> c at lag 1; true: a --> b and d --> c at lag 0, b -->
/// c at lag 1.
class ScoreAtLagZero : public testing::Test {
 protected:
  ScoreAtLagZero() {
    truth.has_lags = true;
    truth.links = {{0, 1, 0}, {3, 2, 0}, {1, 2, 1}};
  }
  CausalGraph found = graph_of(
      {{0, 1, 0, 0.5, 0, 0, LinkType::undirected}, {1, 2, 1, 0.4, 0, 0}, {2, 3, 0, 0.6, 0, 0}});
  Truth truth;
};

TEST_F(ScoreAtLagZero, AsksForTheDirectionWhereTheMethodTellsIt) {
  found.spec.method = CausalSpec::Method::pcmci_plus;
  const Scores scores = score(found, truth);
  ASSERT_TRUE(scores.with_lag);
  EXPECT_EQ(scores.with_lag->true_positives, 1);
  EXPECT_EQ(scores.with_lag->false_positives, 1);
  EXPECT_EQ(scores.with_lag->false_negatives, 2);  // o-o claims no direction, c --> d the wrong one
  EXPECT_EQ(scores.with_lag->true_negatives, 60 - 4);
  EXPECT_EQ(scores.without_lag.true_negatives, 20 - 4);
  EXPECT_EQ(scores.skeleton.true_positives, 3);
  EXPECT_EQ(scores.skeleton.false_positives, 0);
  EXPECT_EQ(scores.skeleton.true_negatives, 7);
  EXPECT_EQ(scores.temporal_accuracy, 1.0);
  EXPECT_TRUE(scores.notes.empty());
}

TEST_F(ScoreAtLagZero, CountsForPcmciInTheSkeletonOnly) {
  const Scores scores = score(found, truth);
  EXPECT_EQ(scores.with_lag->true_positives, 1);
  EXPECT_EQ(scores.with_lag->false_positives, 0);
  EXPECT_EQ(scores.with_lag->false_negatives, 0);
  EXPECT_EQ(scores.with_lag->true_negatives, 39);
  EXPECT_EQ(scores.skeleton.true_positives, 3);
  EXPECT_EQ(scores.notes,
            (std::vector<std::string>{
                "truth: 2 links at lag 0: scored without direction, as the skeleton"}));
}

TEST_F(ScoreAtLagZero, DoesNotCountWhereItIsNotTested) {
  found.spec.min_lag = 1;
  found.links = {{1, 2, 1, 0.4, 0, 0}};
  const Scores scores = score(found, truth);
  EXPECT_EQ(scores.with_lag->false_negatives, 0);
  EXPECT_EQ(scores.skeleton.false_negatives, 0);
  EXPECT_EQ(scores.notes,
            (std::vector<std::string>{"truth: 2 links at lag 0, which is not tested: not scored"}));
}

TEST(Score, OfIndependentSamplesIsThatOfTheArrows) {
  CausalGraph graph = graph_of({{0, 1, 0, 0.5, 0, 0},
                                {1, 2, 0, 0.5, 0, 0, LinkType::undirected},
                                {3, 4, 0, 0.5, 0, 0, LinkType::conflict}});
  graph.spec.method = CausalSpec::Method::pc;
  graph.spec.max_lag = 0;
  Truth truth;
  truth.links = {{0, 1, -1}, {1, 2, -1}};
  const Scores scores = score(graph, truth);
  EXPECT_EQ(scores.main().true_positives, 1);
  EXPECT_EQ(scores.main().false_positives, 0);
  EXPECT_EQ(scores.main().false_negatives, 1);
  EXPECT_EQ(scores.skeleton.true_positives, 2);
  EXPECT_EQ(scores.skeleton.false_positives, 1);
  EXPECT_FALSE(scores.temporal_accuracy);
}

/// a --> c <-- b is a collider, and c --> d follows from it.
TEST(Score, OfArrowsLeavesOutWhatNoDataCanTell) {
  CausalGraph graph = graph_of({{0, 2, 0, 0.5}, {1, 2, 0, 0.5}, {2, 3, 0, 0.5}});
  graph.spec.method = CausalSpec::Method::pc;
  graph.spec.max_lag = 0;
  Truth truth;
  truth.links = {{0, 2, -1}, {1, 2, -1}, {2, 3, -1}};
  const Scores collider = score(graph, truth);
  ASSERT_TRUE(collider.arrows);
  EXPECT_EQ(collider.arrows->true_positives, 3);
  EXPECT_EQ(collider.arrows->true_negatives, 17);
  // A chain: every direction could be the other way round.
  truth.links = {{0, 2, -1}, {2, 3, -1}};
  const Scores chain = score(graph, truth);
  EXPECT_EQ(chain.arrows->true_positives, 0);
  EXPECT_EQ(chain.arrows->false_positives, 3);
  EXPECT_EQ(chain.arrows->false_negatives, 0);
  EXPECT_EQ(chain.without_lag.true_positives, 2);
  graph.spec.method = CausalSpec::Method::pcmci_plus;
  EXPECT_FALSE(score(graph, truth).arrows);
}

TEST(Score, OfNothingFoundHasNoPrecision) {
  Truth truth;
  truth.links = {{0, 1, -1}};
  const Scores scores = score(graph_of({}), truth);
  EXPECT_FALSE(scores.with_lag);
  EXPECT_FALSE(scores.without_lag.precision());
  EXPECT_EQ(scores.without_lag.recall(), 0.0);
  EXPECT_EQ(scores.without_lag.f1(), 0.0);
  EXPECT_EQ(scores.without_lag.mcc(), 0.0);
  EXPECT_FALSE(scores.temporal_accuracy);
}

}  // namespace
}  // namespace sovren::jobs
