// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mixed_graph.h"

#include <gtest/gtest.h>

#include <vector>

namespace sovren::kernels {
namespace {

using Arrow = MixedGraph::Arrow;

MixedGraph linked(int nodes, std::initializer_list<Arrow> pairs) {
  MixedGraph graph(nodes);
  for (const auto [a, b] : pairs) graph.link(a, b);
  return graph;
}

TEST(MixedGraph, AnArrowEachWayIsAConflictInAnyOrder) {
  for (const std::vector<Arrow>& arrows :
       {std::vector<Arrow>{{0, 1}, {1, 0}, {0, 1}}, {{1, 0}, {0, 1}}, {{0, 1}, {0, 1}, {1, 0}}}) {
    MixedGraph graph = linked(2, {{1, 0}});
    EXPECT_TRUE(graph.orient(arrows));
    EXPECT_EQ(graph.mark(0, 1), Mark::conflict);
    EXPECT_EQ(graph.mark(1, 0), Mark::conflict);
    EXPECT_FALSE(graph.orient(arrows));
  }
}

TEST(MixedGraph, SeesAnEdgeFromBothEnds) {
  MixedGraph graph = linked(4, {{3, 1}, {1, 0}});
  graph.fix(2, 1);
  EXPECT_TRUE(graph.orient(std::vector<Arrow>{{0, 1}}));
  EXPECT_EQ(graph.mark(0, 1), Mark::directed);
  EXPECT_EQ(graph.mark(1, 0), Mark::reversed);
  EXPECT_EQ(graph.mark(1, 2), Mark::reversed);
  EXPECT_EQ(graph.mark(1, 3), Mark::undirected);
  EXPECT_EQ(graph.mark(0, 3), Mark::none);
  std::vector<int> order;
  for (const MixedGraph::Edge& edge : graph.edges(1)) order.push_back(edge.to);
  EXPECT_EQ(order, (std::vector<int>{0, 2, 3}));
}

TEST(MixedGraph, WhatIsFixedStays) {
  MixedGraph graph(2);
  graph.fix(0, 1);
  EXPECT_FALSE(graph.orient(std::vector<Arrow>{{1, 0}}));
  EXPECT_EQ(graph.mark(0, 1), Mark::directed);
}

TEST(OrientByRules, Rule1LeadsAwayFromAnArrow) {
  MixedGraph graph = linked(4, {{1, 2}, {2, 3}});
  graph.fix(0, 1);
  orient_by_rules(graph);
  EXPECT_EQ(graph.mark(1, 2), Mark::directed);
  EXPECT_EQ(graph.mark(2, 3), Mark::directed);
}

TEST(OrientByRules, Rule1NeedsAnUnshieldedTripleThatIsNotAmbiguous) {
  MixedGraph shielded = linked(3, {{1, 2}, {0, 2}});
  shielded.fix(0, 1);
  orient_by_rules(shielded);
  EXPECT_EQ(shielded.mark(1, 2), Mark::undirected);
  MixedGraph ambiguous = linked(3, {{1, 2}});
  ambiguous.fix(0, 1);
  ambiguous.set_ambiguous(2, 1, 0);
  orient_by_rules(ambiguous);
  EXPECT_EQ(ambiguous.mark(1, 2), Mark::undirected);
}

TEST(OrientByRules, Rule2ClosesNoCircle) {
  MixedGraph graph = linked(3, {{0, 2}});
  graph.fix(0, 1);
  graph.fix(1, 2);
  orient_by_rules(graph);
  EXPECT_EQ(graph.mark(0, 2), Mark::directed);
}

TEST(OrientByRules, Rule3MakesNoNewCollider) {
  for (const bool is_ambiguous : {false, true}) {
    MixedGraph graph = linked(4, {{0, 1}, {0, 2}, {0, 3}});
    graph.fix(1, 3);
    graph.fix(2, 3);
    if (is_ambiguous) graph.set_ambiguous(1, 0, 2);
    orient_by_rules(graph);
    EXPECT_EQ(graph.mark(0, 3), is_ambiguous ? Mark::undirected : Mark::directed);
    EXPECT_EQ(graph.mark(0, 1), Mark::undirected);
    EXPECT_EQ(graph.mark(0, 2), Mark::undirected);
  }
}

TEST(OrientByRules, ContradictingEvidenceIsAConflictAndTellsNothing) {
  // 0 --> 1 o-o 2 <-- 3 says both 1 --> 2 and 2 --> 1; 4 hangs on 1.
  MixedGraph graph = linked(5, {{1, 2}, {1, 4}});
  graph.fix(0, 1);
  graph.fix(3, 2);
  graph.set_ambiguous(0, 1, 4);
  orient_by_rules(graph);
  EXPECT_EQ(graph.mark(1, 2), Mark::conflict);
  EXPECT_EQ(graph.mark(1, 4), Mark::undirected);
}

}  // namespace
}  // namespace sovren::kernels
