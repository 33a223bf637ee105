// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "core/base/rng.h"

namespace sovren::kernels::testing {

/// A causal graph without time: arrows from smaller to larger numbers.
struct Dag {
  int nodes = 0;
  std::set<std::pair<int, int>> arrows;

  bool has(int from, int to) const { return arrows.contains({from, to}); }
  bool are_linked(int a, int b) const { return has(a, b) || has(b, a); }
};

inline Dag random_dag(int nodes, double share, std::uint64_t seed) {
  const Philox random(seed, 7);
  Dag dag{.nodes = nodes, .arrows = {}};
  for (int from = 0; from < nodes; ++from)
    for (int to = from + 1; to < nodes; ++to)
      if (random.uniform(static_cast<std::uint64_t>(from * nodes + to)) < share)
        dag.arrows.insert({from, to});
  return dag;
}

/// (samples, nodes): each node the sum of its causes, times 0.4 to 0.9 with either sign, and noise.
inline std::vector<double> linear_sample(const Dag& dag, int samples, std::uint64_t seed) {
  const Philox noise(seed, 8);
  const Philox random(seed, 9);
  const auto n = static_cast<std::size_t>(dag.nodes);
  std::vector<double> x(static_cast<std::size_t>(samples) * n);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = noise.normal(i);
  for (std::size_t row = 0; row < x.size(); row += n) {
    for (std::size_t to = 0; to < n; ++to) {
      for (std::size_t from = 0; from < to; ++from) {
        if (!dag.has(static_cast<int>(from), static_cast<int>(to))) continue;
        const std::uint64_t arrow = 2 * (from * n + to);
        const double weight = 0.4 + 0.5 * random.uniform(arrow);
        x[row + to] += (random.below(arrow + 1, 2) == 0 ? weight : -weight) * x[row + from];
      }
    }
  }
  return x;
}

/// Are x and y independent given z in every distribution of this graph? By the moral graph of their
/// ancestors (Lauritzen et al. 1990).
inline bool are_separated(const Dag& dag, int x, int y, const std::set<int>& z) {
  std::set<int> kept = z;
  kept.insert({x, y});
  for (int node = dag.nodes - 1; node >= 0; --node)
    for (const auto& [from, to] : dag.arrows)
      if (from == node && kept.contains(to)) kept.insert(node);
  const auto are_moral = [&](int a, int b) {
    if (dag.are_linked(a, b)) return true;
    for (const int child : kept)
      if (dag.has(a, child) && dag.has(b, child)) return true;
    return false;
  };
  std::vector<int> open{x};
  std::set<int> seen{x};
  while (!open.empty()) {
    const int a = open.back();
    open.pop_back();
    for (const int b : kept) {
      if (seen.contains(b) || z.contains(b) || !are_moral(a, b)) continue;
      if (b == y) return false;
      seen.insert(b);
      open.push_back(b);
    }
  }
  return true;
}

/// The arrows that every graph with the same skeleton and the same unshielded colliders has: all
/// directions of all links are tried. Few links.
inline std::set<std::pair<int, int>> compelled_arrows(const Dag& dag) {
  const std::vector<std::pair<int, int>> links(dag.arrows.begin(), dag.arrows.end());
  const auto colliders = [&](const Dag& graph) {
    std::set<std::vector<int>> found;
    for (const auto& [a, k] : graph.arrows)
      for (const auto& [b, also] : graph.arrows)
        if (also == k && a < b && !graph.are_linked(a, b)) found.insert({a, k, b});
    return found;
  };
  const auto is_acyclic = [&](const Dag& graph) {
    std::set<std::pair<int, int>> left = graph.arrows;
    for (int round = 0; round < graph.nodes; ++round) {
      std::set<int> caused;
      for (const auto& [from, to] : left) caused.insert(to);
      std::erase_if(left, [&](const auto& arrow) { return !caused.contains(arrow.first); });
    }
    return left.empty();
  };
  const auto wanted = colliders(dag);
  std::set<std::pair<int, int>> common;
  bool is_first = true;
  for (unsigned code = 0; code < (1U << links.size()); ++code) {
    Dag turned{.nodes = dag.nodes, .arrows = {}};
    for (std::size_t k = 0; k < links.size(); ++k)
      turned.arrows.insert((code >> k & 1U) == 0 ? links[k]
                                                 : std::pair{links[k].second, links[k].first});
    if (colliders(turned) != wanted || !is_acyclic(turned)) continue;
    if (is_first) common = turned.arrows;
    std::erase_if(common, [&](const auto& arrow) { return !turned.arrows.contains(arrow); });
    is_first = false;
  }
  return common;
}

}  // namespace sovren::kernels::testing
