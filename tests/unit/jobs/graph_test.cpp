// SPDX-License-Identifier: Apache-2.0
// From tests to graph, and the graph as text, JSON and picture.
#include "jobs/causal/graph.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/text/json.h"
#include "jobs/causal/drawing.h"
#include "jobs/drawing/svg.h"

namespace sovren::jobs {
namespace {

using kernels::Mark;

/// A search over three variables at lags 0 and 1 that found nothing yet.
class Found {
 public:
  Found() : table(3, 0, 1) {
    std::ranges::fill(table.value, 0.01);
    std::ranges::fill(table.p_value, 0.9);
    std::ranges::fill(table.q_value, 0.9);
  }
  /// source --> target; at lag 0 another mark may be given.
  Found& link(int source, int target, int lag, double value, double p, double q,
              Mark mark = Mark::directed) {
    set(table.index(source, target, lag), value, p, q, mark);
    if (lag == 0)
      set(table.index(target, source, lag), value, p, q,
          mark == Mark::directed ? Mark::reversed : mark);
    return *this;
  }
  CausalGraph graph() const {
    CausalGraph made;
    made.title = "weather";
    made.variables = {"wind", "rain", "snow"};
    made.time_steps = 100;
    made.samples = 98;
    made.spec.max_lag = 1;
    set_links(made, table);
    made.chains = find_chains(3, arrows_of(made));
    return made;
  }
  kernels::LinkTable table;

 private:
  void set(std::size_t at, double value, double p, double q, Mark mark) {
    table.value[at] = value;
    table.p_value[at] = p;
    table.q_value[at] = q;
    table.mark[at] = mark;
  }
};

TEST(CausalGraph, ListsMarkedEntriesOnce) {
  const CausalGraph graph = Found()
                                .link(2, 0, 0, 0.5, 1e-6, 1e-6)
                                .link(2, 1, 0, 0.4, 1e-5, 1e-5, Mark::undirected)
                                .link(0, 1, 0, 0.3, 1e-4, 1e-4, Mark::conflict)
                                .link(1, 0, 1, -0.2, 1e-3, 0.3)
                                .graph();
  ASSERT_EQ(graph.links.size(), 4U);
  std::string listed;
  for (const Link& link : graph.links)
    listed += graph.variables[static_cast<std::size_t>(link.source)] + " " +
              std::string(text_of(link.type)) + " " +
              graph.variables[static_cast<std::size_t>(link.target)] + " " +
              std::to_string(link.lag) + "; ";
  EXPECT_EQ(listed, "wind x-x rain 0; rain --> wind 1; rain o-o snow 0; snow --> wind 0; ");
  EXPECT_EQ(graph.links[3].value, 0.5);
  EXPECT_EQ(graph.links[1].q_value, 0.3);
  EXPECT_EQ(graph.mark[graph.index(0, 2, 0)], Mark::reversed);
}

TEST(CausalGraph, LooksForChainsAmongClearDirectedLinksOfAnyLag) {
  const CausalGraph graph = Found()
                                .link(0, 1, 0, 0.5, 1e-6, 1e-6)
                                .link(1, 2, 1, 0.4, 1e-5, 1e-5)
                                .link(2, 0, 1, 0.4, 1e-2, 0.06)
                                .graph();
  EXPECT_EQ(graph.chains->depth, 2);
  EXPECT_EQ(Found().link(0, 1, 0, 0.5, 1e-6, 1e-6, Mark::conflict).graph().chains->depth, 0);
}

TEST(CausalGraph, GivesOneArrowPerPairWithItsStrongestLag) {
  CausalGraph graph = Found().graph();
  graph.links = {{0, 1, 1, 0.2, 0, 0},
                 {0, 1, 2, -0.4, 0, 0},
                 {1, 1, 1, 0.9, 0, 0},
                 {1, 2, 0, 0.5, 0, 0, LinkType::undirected}};
  const std::vector<Arrow> arrows = arrows_of(graph);
  ASSERT_EQ(arrows.size(), 1U);
  EXPECT_EQ(arrows[0].strength, 0.4);
}

TEST(CausalGraph, DigestChangesWithEveryPartOfTheResult) {
  const CausalGraph graph = Found().link(0, 1, 1, 0.5, 1e-6, 9e-6).graph();
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
  other.mark[3] = Mark::none;
  EXPECT_NE(content_digest(other), digest);
  other = graph;
  other.confidence.assign(graph.value.size(), 1.0);
  EXPECT_NE(content_digest(other), digest);
  other = graph;
  other.links.clear();
  EXPECT_NE(content_digest(other), digest);
}

TEST(CausalGraph, IsWrittenAsTheDocumentedJson) {
  CausalGraph graph = Found()
                          .link(0, 1, 1, 0.5, 1e-6, 9e-6)
                          .link(1, 2, 1, -0.4, 1e-5, 9e-5)
                          .link(0, 2, 0, .3, .01, .01, Mark::undirected)
                          .graph();
  graph.spec.method = CausalSpec::Method::pcmci_plus;
  graph.links[1].confidence = 0.75;
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
  EXPECT_EQ((*json)["links"][1]["confidence"], 0.75);
  EXPECT_EQ((*json)["settings"]["method"], "pcmci-plus");
  EXPECT_EQ((*json)["settings"]["test"], "parcorr");
  EXPECT_EQ((*json)["chains"], (text::Json{{"wind", "rain", "snow"}}));
  EXPECT_EQ((*json)["chain_depth"], 2);
  EXPECT_EQ((*json)["chain_depth_exact"], true);
  EXPECT_TRUE((*json)["scores"].is_null());
  EXPECT_EQ((*json)["notes"], (text::Json{"a note"}));
}

TEST(CausalGraph, IsPrintedForATerminal) {
  CausalGraph graph = Found()
                          .link(0, 1, 1, 0.5, 1e-6, 9e-6)
                          .link(1, 2, 1, -0.42, 2e-5, 9e-5)
                          .link(1, 1, 1, .31, .001, .003)
                          .graph();
  graph.notes = {"a note"};
  EXPECT_EQ(
      graph_text(graph),
      "Causal graph of weather: PCMCI, partial correlation; 3 variables, 100 time steps (98 per "
      "test), lags to 1, false discovery rate 0.05\n"
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

TEST(CausalGraph, PrintsConfidenceAndLinksWithoutDirection) {
  CausalGraph graph = Found()
                          .link(0, 1, 1, 0.5, 1e-6, 9e-6)
                          .link(1, 2, 0, 0.25, 1e-4, 1e-4, Mark::conflict)
                          .graph();
  for (Link& link : graph.links) link.confidence = 0.875;
  const std::string text = graph_text(graph);
  EXPECT_NE(text.find("  cause  (lag)     effect  strength  q-value  confidence\n"
                      "   wind  --(1)-->  rain      +0.500    9e-06        88 %  ++++++++++\n"
                      "   rain  x-----x   snow      +0.250    1e-04        88 %  +++++\n"),
            text.npos)
      << text;
}

TEST(CausalGraph, WithoutLinksSaysSo) {
  const CausalGraph graph = Found().graph();
  EXPECT_NE(graph_text(graph).find("No links between variables"), std::string::npos);
  EXPECT_NE(graph_svg(graph).find("no links between variables"), std::string::npos);
  EXPECT_EQ(graph.chains->depth, 0);
}

TEST(CausalGraph, DrawsEachDirectionOnceWithAllItsLags) {
  CausalGraph graph = Found().graph();
  graph.links = {{0, 1, 1, 0.2},
                 {0, 1, 3, -0.4},
                 {1, 0, 1, 0.3},
                 {1, 2, 0, 0.5, 0, 0, LinkType::undirected},
                 {1, 1, 2, 0.6}};
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
  CausalGraph graph = Found().link(0, 1, 1, 0.5, 1e-6, 9e-6).graph();
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
  graph.links = {{3, 4, 1, 0.5}, {4, 90, 1, 0.4}, {10, 11, 0, 0.1, 1, 1, LinkType::undirected}};
  const Drawing drawing = lay_out(graph);
  EXPECT_EQ(drawing.nodes.size(), 3U);
  EXPECT_EQ(drawing.nodes_left_out, 97);
  EXPECT_EQ(drawing.same_time_left_out, 1);  // its p does not stand among 4950 pairs
}

}  // namespace
}  // namespace sovren::jobs
