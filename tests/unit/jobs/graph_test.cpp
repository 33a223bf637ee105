// SPDX-License-Identifier: Apache-2.0
// From tests to graph, and the graph as text, JSON and picture.
#include "jobs/causal/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/text/json.h"
#include "jobs/causal/drawing.h"

namespace sovren::jobs {
namespace {

/// Tests of three variables at lags 0 and 1, none significant; entries are set by target, source,
/// lag.
class Tests {
 public:
  Tests() {
    tested.variables = 3;
    tested.max_lag = 1;
    tested.value.assign(18, 0.01);
    tested.p_value.assign(18, 0.9);
  }
  Tests& set(int target, int source, int lag, double value, double p) {
    const auto at = static_cast<std::size_t>((target * 3 + source) * 2 + lag);
    tested.value[at] = value;
    tested.p_value[at] = p;
    return *this;
  }
  CausalGraph graph(CausalSpec::Fdr fdr = CausalSpec::Fdr::bh) const {
    CausalGraph made;
    made.title = "weather";
    made.variables = {"wind", "rain", "snow"};
    made.time_steps = 100;
    made.samples = 98;
    made.spec.max_lag = 1;
    made.spec.fdr = fdr;
    set_links(made, tested);
    made.chains = find_chains(3, arrows_of(made));
    return made;
  }
  TestedLinks tested;
};

TEST(CausalGraph, ReadsTestsByTargetAndKeepsThemBySource) {
  const CausalGraph graph = Tests().set(1, 0, 1, 0.5, 1e-6).graph();
  EXPECT_EQ(graph.value[graph.index(0, 1, 1)], 0.5);
  EXPECT_EQ(graph.p_value[graph.index(0, 1, 1)], 1e-6);
  ASSERT_EQ(graph.links.size(), 1U);
  EXPECT_EQ(graph.links[0].source, 0);
  EXPECT_EQ(graph.links[0].target, 1);
  EXPECT_TRUE(graph.links[0].is_directed());
}

TEST(CausalGraph, TakesTheLargerPOfBothDirectionsAtLagZero) {
  const CausalGraph one_sided = Tests().set(1, 0, 0, 0.5, 1e-6).set(0, 1, 0, 0.1, 0.2).graph();
  EXPECT_TRUE(one_sided.links.empty());
  const CausalGraph both = Tests().set(1, 0, 0, 0.5, 1e-6).set(0, 1, 0, 0.4, 1e-4).graph();
  ASSERT_EQ(both.links.size(), 1U);  // once, from the variable that comes first
  EXPECT_EQ(both.links[0].value, 0.4);
  EXPECT_EQ(both.links[0].p_value, 1e-4);
  EXPECT_FALSE(both.links[0].is_directed());
  EXPECT_EQ(both.value[both.index(0, 1, 0)], both.value[both.index(1, 0, 0)]);
}

TEST(CausalGraph, AdjustsLaggedLinksForTheirNumberOnly) {
  const Tests tests =
      Tests().set(1, 0, 1, 0.3, 0.04).set(2, 1, 0, 0.3, 0.04).set(1, 2, 0, 0.3, 0.04);
  const CausalGraph adjusted = tests.graph();
  ASSERT_EQ(adjusted.links.size(), 1U);
  EXPECT_EQ(adjusted.links[0].lag, 0);
  EXPECT_DOUBLE_EQ(adjusted.q_value[adjusted.index(0, 1, 1)], 0.04 * 9);
  EXPECT_EQ(tests.graph(CausalSpec::Fdr::none).links.size(), 2U);
}

TEST(CausalGraph, GivesOneArrowPerPairWithItsStrongestLag) {
  CausalGraph graph = Tests().graph();
  graph.links = {{0, 1, 1, 0.2}, {0, 1, 2, -0.4}, {1, 1, 1, 0.9}, {1, 2, 0, 0.5}};
  const std::vector<Arrow> arrows = arrows_of(graph);
  ASSERT_EQ(arrows.size(), 1U);
  EXPECT_EQ(arrows[0].strength, 0.4);
}

TEST(CausalGraph, DigestChangesWithEveryPartOfTheResult) {
  const CausalGraph graph = Tests().set(1, 0, 1, 0.5, 1e-6).graph();
  const std::string digest = content_digest(graph);
  CausalGraph other = graph;
  other.title = "another";
  EXPECT_EQ(content_digest(other), digest);
  other.variables[0] = "winds";
  EXPECT_NE(content_digest(other), digest);
  for (std::vector<double> CausalGraph::*matrix :
       {&CausalGraph::value, &CausalGraph::p_value, &CausalGraph::q_value}) {
    other = graph;
    (other.*matrix)[3] = std::nextafter((other.*matrix)[3], 2.0);
    EXPECT_NE(content_digest(other), digest);
  }
  other = graph;
  other.links.clear();
  EXPECT_NE(content_digest(other), digest);
}

TEST(CausalGraph, IsWrittenAsTheDocumentedJson) {
  CausalGraph graph = Tests()
                          .set(1, 0, 1, 0.5, 1e-6)
                          .set(2, 1, 1, -0.4, 1e-5)
                          .set(0, 2, 0, .3, .01)
                          .set(2, 0, 0, .3, .01)
                          .graph();
  graph.notes = {"a note"};
  const auto json = text::parse_json(graph_json(graph), "graph.json");
  ASSERT_TRUE(json) << to_text(json.error());
  EXPECT_EQ((*json)["schema"], "sovren.causal_graph/1");
  EXPECT_EQ((*json)["variables"], (text::Json{"wind", "rain", "snow"}));
  const text::Json link = (*json)["links"][0];
  EXPECT_EQ(link["source"], "wind");
  EXPECT_EQ(link["target"], "rain");
  EXPECT_EQ(link["lag"], 1);
  EXPECT_EQ(link["value"], 0.5);
  EXPECT_EQ(link["p_value"], 1e-6);
  EXPECT_EQ(link["type"], "-->");
  EXPECT_TRUE(link["confidence"].is_null());
  EXPECT_EQ((*json)["links"][1]["type"], "o-o");
  EXPECT_EQ((*json)["chains"], (text::Json{{"wind", "rain", "snow"}}));
  EXPECT_EQ((*json)["chain_depth"], 2);
  EXPECT_EQ((*json)["chain_depth_exact"], true);
  EXPECT_TRUE((*json)["scores"].is_null());
  EXPECT_EQ((*json)["notes"], (text::Json{"a note"}));
}

TEST(CausalGraph, IsPrintedForATerminal) {
  CausalGraph graph =
      Tests().set(1, 0, 1, 0.5, 1e-6).set(2, 1, 1, -0.42, 2e-5).set(1, 1, 1, .31, .001).graph();
  graph.notes = {"a note"};
  EXPECT_EQ(graph_text(graph),
            "Causal graph of weather: 3 variables, 100 time steps (98 per test), lags to 1, false "
            "discovery rate 0.05\n"
            "\n"
            "  cause  (lag)     effect  strength  q-value\n"
            "   wind  --(1)-->  rain      +0.500    9e-06  ++++++++++\n"
            "   rain  --(1)-->  snow      -0.420    9e-05  --------\n"
            "\n"
            "  Strongest link to its own past (lag):\n"
            "    rain  +0.310 (1)\n"
            "\n"
            "  Longest chain of causes: 2 links\n"
            "    wind -> rain -> snow\n"
            "\n"
            "  Notes:\n"
            "    a note\n");
}

TEST(CausalGraph, WithoutLinksSaysSo) {
  const CausalGraph graph = Tests().graph();
  EXPECT_NE(graph_text(graph).find("No links between variables"), std::string::npos);
  EXPECT_NE(graph_svg(graph).find("no links between variables"), std::string::npos);
  EXPECT_EQ(graph.chains->depth, 0);
}

TEST(CausalGraph, DrawsEachDirectionOnceWithAllItsLags) {
  CausalGraph graph = Tests().graph();
  graph.links = {{0, 1, 1, 0.2}, {0, 1, 3, -0.4}, {1, 0, 1, 0.3}, {1, 2, 0, 0.5}, {1, 1, 2, 0.6}};
  const Drawing drawing = lay_out(graph);
  ASSERT_EQ(drawing.edges.size(), 3U);
  ASSERT_EQ(drawing.nodes.size(), 3U);
  const auto both = std::find_if(drawing.edges.begin(), drawing.edges.end(),
                                 [](const DrawnEdge& edge) { return edge.label == "1,3"; });
  ASSERT_NE(both, drawing.edges.end());
  EXPECT_EQ(both->value, -0.4);
  for (const DrawnNode& node : drawing.nodes)
    EXPECT_EQ(node.memory.has_value(), node.variable == 1);
}

TEST(CausalGraph, DrawsNamesOfAnyLanguageAndMarkup) {
  CausalGraph graph = Tests().set(1, 0, 1, 0.5, 1e-6).graph();
  graph.title = "a < b & \"c\"";
  graph.variables = {"Wärme", "<rain>", "雪"};
  const std::string svg = graph_svg(graph);
  EXPECT_NE(svg.find("a &lt; b &amp; &quot;c&quot;"), std::string::npos);
  EXPECT_NE(svg.find("&lt;rain&gt;"), std::string::npos);
  EXPECT_NE(svg.find("Wärme"), std::string::npos);
  EXPECT_TRUE(svg.ends_with("</svg>\n"));
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

/// Boxes of all names, as wide as text_width says, must not meet.
TEST(CausalGraph, KeepsNamesApartUpToTwelveVariables) {
  for (int n = 1; n <= 12; ++n) {
    CausalGraph graph;
    graph.spec.max_lag = 1;
    for (int k = 0; k < n; ++k)
      graph.variables.push_back("a_rather_long_name_" + std::to_string(100 + k));
    graph.p_value.assign(static_cast<std::size_t>(n * n * 2), 1.0);
    const Drawing drawing = lay_out(graph);
    struct Box {
      double left, right, y;
    };
    std::vector<Box> boxes;
    for (const DrawnNode& node : drawing.nodes) {
      const double width =
          text_width(graph.variables[static_cast<std::size_t>(node.variable)], drawing.font_px);
      const double cosine = std::cos(node.angle);
      const double x = node.at.x + (drawing.node_radius + 9) * cosine;
      const double left = std::abs(cosine) < 0.1 ? x - width / 2 : cosine < 0 ? x - width : x;
      boxes.push_back({left, left + width, node.at.y});
      EXPECT_GE(left, 0) << n;
      EXPECT_LE(left + width, drawing.width) << n;
    }
    for (std::size_t a = 0; a < boxes.size(); ++a)
      for (std::size_t b = a + 1; b < boxes.size(); ++b)
        EXPECT_FALSE(boxes[a].left < boxes[b].right && boxes[b].left < boxes[a].right &&
                     std::abs(boxes[a].y - boxes[b].y) < drawing.font_px)
            << n;
  }
}

TEST(CausalGraph, LeavesOutVariablesWithoutLinksWhenThereAreMany) {
  CausalGraph graph;
  graph.spec.max_lag = 1;
  for (int k = 0; k < 100; ++k) graph.variables.push_back("v" + std::to_string(k));
  graph.p_value.assign(20000, 1.0);
  graph.links = {{3, 4, 1, 0.5}, {4, 90, 1, 0.4}, {10, 11, 0, 0.1}};
  const Drawing drawing = lay_out(graph);
  EXPECT_EQ(drawing.nodes.size(), 3U);
  EXPECT_EQ(drawing.nodes_left_out, 97);
  EXPECT_EQ(drawing.same_time_left_out, 1);  // its p does not stand among 4950 pairs
}

}  // namespace
}  // namespace sovren::jobs
