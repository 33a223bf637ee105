// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "kernels/causal/search.h"

namespace sovren::kernels {

/// A graph whose edges are being oriented: what the last phase of PC and of PCMCI+ works on. A node
/// is whatever its user numbers: a variable, or a variable at a lag.
///
/// Model    an edge is linked undirected, directed by what is found, and in conflict once both of
///          its directions were found. A fixed edge is directed by what is known (time, prior
///          knowledge) and stays so whatever is found.
class MixedGraph {
 public:
  struct Edge {
    int to = 0;
    Mark mark = Mark::undirected;  ///< as seen from the other end
    bool is_fixed = false;
  };
  struct Arrow {
    int from = 0;
    int to = 0;
  };

  explicit MixedGraph(int nodes) : edges_(static_cast<std::size_t>(nodes)) {}

  /// a o-o b. Not yet linked.
  void link(int a, int b) { insert(a, b, Mark::undirected, false); }
  /// a --> b, for good. Not yet linked.
  void fix(int from, int to) { insert(from, to, Mark::directed, true); }
  /// Nothing is known about the unshielded triple a, middle, b: neither collider nor chain.
  void set_ambiguous(int a, int middle, int b) { ambiguous_.insert(triple(a, middle, b)); }

  int nodes() const { return static_cast<int>(edges_.size()); }
  /// Of one node, by rising `to`.
  std::span<const Edge> edges(int node) const { return edges_[static_cast<std::size_t>(node)]; }
  /// What stands between a and b as seen from a; none: not linked.
  Mark mark(int a, int b) const;
  bool are_linked(int a, int b) const { return mark(a, b) != Mark::none; }
  bool is_ambiguous(int a, int middle, int b) const {
    return ambiguous_.contains(triple(a, middle, b));
  }

  /// Directs edges that are linked, in any order of the arrows with the same result. True when an
  /// edge changed.
  bool orient(std::span<const Arrow> arrows);

 private:
  using Triple = std::array<int, 3>;
  static Triple triple(int a, int middle, int b) {
    return a < b ? Triple{a, middle, b} : Triple{b, middle, a};
  }
  const Edge* find(int a, int b) const;
  void insert(int from, int to, Mark mark, bool is_fixed);
  void set_mark(int from, int to, Mark mark);

  std::vector<std::vector<Edge>> edges_;
  std::set<Triple> ambiguous_;
};

/// Directs every edge whose direction follows from the others: rules 1 to 3 of Meek, over and over.
/// Each rule looks at the whole graph before it changes any of it, so the result depends on no
/// numbering of the nodes. Edges in conflict tell nothing.
///
/// Model    1: a --> b o-o c, a and c not linked, the triple not ambiguous: b --> c.
///          2: a --> b --> c, a o-o c: a --> c.
///          3: a o-o b --> d, a o-o c --> d, a o-o d, b and c not linked, b a c not ambiguous:
///             a --> d.
/// Source   Meek, Causal inference and causal explanation with background knowledge (UAI 1995).
void orient_by_rules(MixedGraph& graph);

}  // namespace sovren::kernels
