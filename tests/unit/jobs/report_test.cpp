// SPDX-License-Identifier: Apache-2.0
// report.html: well-formed, complete, self-contained, and nothing in a name can leave its place.
#include "jobs/causal/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/rng.h"
#include "jobs/causal/report_chart.h"
#include "jobs/causal/result_files.h"
#include "tests/unit/jobs/markup_check.h"
#include "tests/unit/jobs/sample_graph.h"

namespace sovren::jobs {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Noise with the names of the graph.
Table sample_table(const CausalGraph& graph) {
  Table table;
  table.names = graph.variables;
  table.all_names = graph.variables;
  table.rows = graph.time_steps;
  table.columns = graph.count();
  const Philox rng(1);
  const auto values = static_cast<std::uint64_t>(table.rows) * graph.variables.size();
  for (std::uint64_t k = 0; k < values; ++k) table.values.push_back(rng.uniform(k));
  return table;
}

/// Made-up answers of a model to everything that can be asked.
WhatIf sample_what_if(const CausalGraph& graph) {
  const auto n = graph.variables.size();
  WhatIf model;
  model.equations.assign(n, {.explained = 0.25, .samples = 190});
  model.influences.assign(n, {0.5, 0.25, 0.125});
  Effect effect{.cause = 0, .effect = 2};
  effect.direct = effect.direct_standardised = {0, 0.1, 0};
  effect.total = effect.total_standardised = {0, 0.1, 0.4};
  effect.mediators = {{1, {0, 0, 0.3}, {0, 0, 0.3}}};
  Effect none{.cause = 5, .effect = 0};
  none.direct = none.direct_standardised = none.total = none.total_standardised = {0, 0};
  model.effects = {effect, none};
  model.forecasts.assign(n, {{1, 2}, {0, 1}, {2, 3}});
  WhatIfDone future{.variable = 0, .value = 1.5, .from = 200, .until = 201};
  future.responses = {{0, {0, 0}, {1.5, 1.5}, {1.5, 1.5}, {1.5, 1.5}, {1.5, 1.5}},
                      {1, {0, 0}, {0, 0.5}, {0, 0.5}, {-1, -1}, {1, 2}}};
  WhatIfDone past{.variable = 4, .value = -1, .from = 190, .until = 191, .is_past = true};
  past.responses = {{4, {0, nan}, {-1, -1}, {-1, nan}, {}, {}}};
  model.interventions = {future, past};
  model.coverage = Coverage{.share = 0.905, .by_step = {0.9, 0.91}, .values = 200};
  return model;
}

class Report : public testing::Test {
 protected:
  Report() {
    graph.what_if = sample_what_if(graph);
    graph.scores = Scores{.with_lag = Score{3, 1, 2, 50},
                          .without_lag = {3, 1, 2, 20},
                          .skeleton = {4, 1, 1, 9},
                          .temporal_accuracy = 1.0,
                          .notes = {}};
    graph.spec.bootstrap = 100;
  }
  CausalGraph graph = sample_graph();
};

TEST_F(Report, IsWellFormedWhateverTheNames) {
  const std::string html = report_html(graph, sample_table(graph));
  EXPECT_EQ(markup_fault(html), "");
  EXPECT_EQ(occurrences(html, "<script"), 1);  // its own
  EXPECT_EQ(occurrences(html, "alert(1)"), occurrences(html, "&lt;script&gt;alert(1)"));
  EXPECT_EQ(html.find("onload=\"x"), html.npos);
  EXPECT_EQ(html.find("</title><b>"), html.npos);
  EXPECT_NE(html.find("a note with &lt;b&gt;markup&lt;/b&gt;"), html.npos);
  EXPECT_EQ(html.find("=\"nan"), html.npos);
}

TEST_F(Report, AsksNoOtherMachineForAnything) {
  const std::string html = report_html(graph, sample_table(graph));
  for (const char* outside : {"http:", "https:", "src=", "url(", "@import", "<link", "<iframe"})
    EXPECT_EQ(html.find(outside), html.npos) << outside;
  EXPECT_NE(html.find("default-src 'none'"), html.npos);
}

TEST_F(Report, HasEverySectionThatHasSomethingToSay) {
  const std::string all = report_html(graph, sample_table(graph));
  for (const char* id : {"answer", "graph", "links", "heatmap", "variables", "effects", "forecast",
                         "interventions", "scores", "notes", "settings"}) {
    EXPECT_EQ(occurrences(all, std::string("<section id=\"") + id + "\""), 1) << id;
    EXPECT_EQ(occurrences(all, std::string("href=\"#") + id + "\""), 1) << id;
  }
  graph.what_if.reset();
  graph.scores.reset();
  graph.notes.clear();
  const std::string less = report_html(graph, sample_table(graph));
  EXPECT_EQ(markup_fault(less), "");
  for (const char* id : {"effects", "forecast", "interventions", "scores", "notes"})
    EXPECT_EQ(less.find(std::string("#") + id + "\""), less.npos) << id;
}

TEST_F(Report, TellsTheAnswerInWords) {
  graph.variables = {"sun", "rain", "river", "sea", "salt", "fish"};
  const std::string html = report_answer(graph);
  EXPECT_NE(html.find("The strongest driver is <b>sun</b>: it drives <b>rain</b>. Next: rain and "
                      "river."),
            html.npos);
  EXPECT_NE(html.find("Strongest link: <b>sun</b> --&gt; <b>rain</b>, 1 step later (partial "
                      "correlation +0.500, q = 3e-06, the same in 88 % of 100 bootstrap"),
            html.npos);
  EXPECT_NE(html.find("Longest chain of causes: 3 links"), html.npos);
  EXPECT_NE(html.find("<b>rain</b> <span>lag 0, -0.40 →</span></li><li><b>river</b>"), html.npos);
  graph.links.clear();
  graph.chains = find_chains(6, {});
  EXPECT_NE(report_answer(graph).find("No variable was found to drive another"), html.npos);
}

TEST_F(Report, ListsEveryLinkWithItsNumbers) {
  const std::string html = report_links(graph);
  EXPECT_EQ(occurrences(html, "<tr class=\"chained\"><td") + occurrences(html, "<tr><td") +
                occurrences(html, "<tr data-own=\"1\"><td"),
            std::ssize(graph.links));
  EXPECT_EQ(occurrences(html, "class=\"chained\""), 4);  // the first step at both its lags
  EXPECT_EQ(occurrences(html, "data-v=\"0.875\">88 %"), std::ssize(graph.links));
  EXPECT_NE(html.find("left:50.0%;width:41.7%"), html.npos);  // 0.5 of 0.6, to the right
  EXPECT_NE(html.find("left:29.2%;width:20.8%"), html.npos);  // -0.25 of 0.6, to the left
}

TEST_F(Report, ShowsWhatTheModelTells) {
  const Table table = sample_table(graph);
  const std::string effects = report_effects(graph);
  EXPECT_EQ(occurrences(effects, "<svg"), 1);
  EXPECT_NE(effects.find("Largest after 2 steps"), effects.npos);
  EXPECT_NE(effects.find("onload=&quot;x</b> 75 %"), effects.npos);
  EXPECT_NE(effects.find("no path of the graph"), effects.npos);
  EXPECT_EQ(occurrences(report_forecast(graph, table), "class=\"band\" d="), graph.count());
  EXPECT_NE(report_forecast(graph, table).find("90.5 % of 200 values"), std::string::npos);
  const std::string done = report_interventions(graph, table);
  EXPECT_EQ(occurrences(done, "<svg"), 3);
  EXPECT_NE(done.find("set to 1.5 in rows 200 to 201: what would be"), done.npos);
  EXPECT_NE(done.find("No directed link leaves it"), done.npos);
}

TEST(ReportOfManyVariables, IsBoundedAndSaysSo) {
  CausalGraph graph = large_graph(1200);
  const Table table = sample_table(graph);
  const std::string html = report_html(graph, table);
  EXPECT_NE(html.find("The 2000 strongest of 2400 links"), html.npos);
  EXPECT_LT(html.size(), 2'000'000U);
}

TEST(ReportChart, LeavesGapsWhereNothingWasMeasured) {
  const std::string svg =
      chart_svg({.title = "a<b", .x_title = "row", .lines = {{0, {1, nan, 2, 3}, "measured"}}});
  EXPECT_EQ(markup_fault(svg), "");
  const auto from = svg.find("class=\"measured\"");
  EXPECT_EQ(occurrences(svg.substr(from), "M"), 2);
  EXPECT_EQ(occurrences(svg.substr(from), "L"), 1);
  EXPECT_EQ(chart_svg({.lines = {{0, {nan, nan}, "measured"}}}), "");
  EXPECT_EQ(chart_svg({.lines = {{0, {5}, "measured"}}}).find("nan"), std::string::npos);
}

TEST_F(Report, IsOneOfTheFiles) {
  const auto files = result_files(graph, sample_table(graph));
  ASSERT_TRUE(files);
  std::vector<std::string> names;
  for (const ResultFile& file : *files) {
    names.push_back(file.name);
    EXPECT_FALSE(file.bytes.empty()) << file.name;
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{"graph.json", "graph.svg", "heatmap.svg", "report.html",
                                      "graph.txt", "graph.graphml", "graph.dot", "result.h5"}));
}

}  // namespace
}  // namespace sovren::jobs
