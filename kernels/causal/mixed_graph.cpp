// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mixed_graph.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::kernels {
namespace {

using Arrow = MixedGraph::Arrow;
using Edge = MixedGraph::Edge;

/// The other ends of a node's edges with this mark, rising.
std::vector<int> others(const MixedGraph& graph, int node, Mark mark) {
  std::vector<int> found;
  for (const Edge& edge : graph.edges(node))
    if (edge.mark == mark) found.push_back(edge.to);
  return found;
}

std::vector<Arrow> away_from_colliders(const MixedGraph& graph) {
  std::vector<Arrow> arrows;
  for (int b = 0; b < graph.nodes(); ++b) {
    const std::vector<int> open = others(graph, b, Mark::undirected);
    if (open.empty()) continue;
    for (const int a : others(graph, b, Mark::reversed))
      for (const int c : open)
        if (!graph.are_linked(a, c) && !graph.is_ambiguous(a, b, c)) arrows.push_back({b, c});
  }
  return arrows;
}

std::vector<Arrow> away_from_circles(const MixedGraph& graph) {
  std::vector<Arrow> arrows;
  for (int b = 0; b < graph.nodes(); ++b) {
    const std::vector<int> effects = others(graph, b, Mark::directed);
    if (effects.empty()) continue;
    for (const int a : others(graph, b, Mark::reversed))
      for (const int c : effects)
        if (graph.mark(a, c) == Mark::undirected) arrows.push_back({a, c});
  }
  return arrows;
}

std::vector<Arrow> by_two_chains(const MixedGraph& graph) {
  std::vector<Arrow> arrows;
  for (int a = 0; a < graph.nodes(); ++a) {
    const std::vector<int> open = others(graph, a, Mark::undirected);
    for (const int d : open) {
      std::vector<int> between;  // a o-o b --> d
      for (const int b : open)
        if (graph.mark(b, d) == Mark::directed) between.push_back(b);
      const auto is_evidence = [&](int b, int c) {
        return !graph.are_linked(b, c) && !graph.is_ambiguous(b, a, c);
      };
      bool is_found = false;
      for (std::size_t k = 1; k < between.size() && !is_found; ++k)
        is_found = std::any_of(between.begin(), between.begin() + static_cast<std::ptrdiff_t>(k),
                               [&](int b) { return is_evidence(b, between[k]); });
      if (is_found) arrows.push_back({a, d});
    }
  }
  return arrows;
}

}  // namespace

const Edge* MixedGraph::find(int a, int b) const {
  const auto& row = edges_[static_cast<std::size_t>(a)];
  const auto found = std::ranges::lower_bound(row, b, {}, &Edge::to);
  return found == row.end() || found->to != b ? nullptr : &*found;
}

Mark MixedGraph::mark(int a, int b) const {
  const Edge* const edge = find(a, b);
  return edge == nullptr ? Mark::none : edge->mark;
}

void MixedGraph::insert(int from, int to, Mark mark, bool is_fixed) {
  SOVREN_CHECK(from != to && find(from, to) == nullptr, "a pair of nodes is linked once");
  const auto add = [&](int a, int b, Mark seen) {
    auto& row = edges_[static_cast<std::size_t>(a)];
    row.insert(std::ranges::lower_bound(row, b, {}, &Edge::to), Edge{b, seen, is_fixed});
  };
  add(from, to, mark);
  add(to, from, mirrored(mark));
}

void MixedGraph::set_mark(int from, int to, Mark mark) {
  const auto set = [&](int a, int b, Mark seen) {
    std::ranges::lower_bound(edges_[static_cast<std::size_t>(a)], b, {}, &Edge::to)->mark = seen;
  };
  set(from, to, mark);
  set(to, from, mirrored(mark));
}

bool MixedGraph::orient(std::span<const Arrow> arrows) {
  bool has_changed = false;
  for (const auto [from, to] : arrows) {
    const Edge* const edge = find(from, to);
    SOVREN_CHECK(edge != nullptr, "an arrow stands on an edge");
    const bool is_news = edge->mark == Mark::undirected || edge->mark == Mark::reversed;
    if (edge->is_fixed || !is_news) continue;
    set_mark(from, to, edge->mark == Mark::undirected ? Mark::directed : Mark::conflict);
    has_changed = true;
  }
  return has_changed;
}

void orient_by_rules(MixedGraph& graph) {
  for (bool has_changed = true; has_changed;) {
    has_changed = graph.orient(away_from_colliders(graph));
    has_changed |= graph.orient(away_from_circles(graph));
    has_changed |= graph.orient(by_two_chains(graph));
  }
}

}  // namespace sovren::kernels
