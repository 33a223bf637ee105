// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/chains.h"

#include <algorithm>
#include <cstdint>

namespace sovren::jobs {

namespace {

constexpr std::size_t candidates_max = 1000;  // longest chains that are compared before listing
constexpr int expansions_max = 200'000;       // of the bounded search, over all starts

std::size_t at(int index) {
  return static_cast<std::size_t>(index);
}

struct Neighbour {
  int node = 0;
  double strength = 0;
};

/// Adjacency lists in ascending order of the neighbour, one arrow per pair.
std::vector<std::vector<Neighbour>> lists_of(int variables, std::span<const Arrow> arrows) {
  std::vector<std::vector<Neighbour>> lists(at(variables));
  for (const Arrow& arrow : arrows) {
    if (arrow.source == arrow.target) continue;
    auto& list = lists[at(arrow.source)];
    const auto same = std::find_if(list.begin(), list.end(),
                                   [&](const Neighbour& n) { return n.node == arrow.target; });
    if (same == list.end())
      list.push_back({arrow.target, arrow.strength});
    else
      same->strength = std::max(same->strength, arrow.strength);
  }
  for (auto& list : lists)
    std::sort(list.begin(), list.end(),
              [](const Neighbour& a, const Neighbour& b) { return a.node < b.node; });
  return lists;
}

/// Nodes in the order in which a depth-first walk leaves them.
std::vector<int> leaving_order(const std::vector<std::vector<Neighbour>>& lists) {
  std::vector<int> order;
  std::vector<bool> is_met(lists.size());
  struct Frame {
    int node;
    std::size_t next;
  };
  std::vector<Frame> stack;
  for (int start = 0; start < static_cast<int>(lists.size()); ++start) {
    if (is_met[at(start)]) continue;
    is_met[at(start)] = true;
    stack.push_back({start, 0});
    while (!stack.empty()) {
      Frame& frame = stack.back();
      if (frame.next == lists[at(frame.node)].size()) {
        order.push_back(frame.node);
        stack.pop_back();
        continue;
      }
      const int next = lists[at(frame.node)][frame.next++].node;
      if (is_met[at(next)]) continue;
      is_met[at(next)] = true;
      stack.push_back({next, 0});
    }
  }
  return order;
}

/// Strongly connected components, each sorted; sources of the condensed graph first.
std::vector<std::vector<int>> components_of(const std::vector<std::vector<Neighbour>>& lists) {
  std::vector<std::vector<int>> reversed(lists.size());
  for (int node = 0; node < static_cast<int>(lists.size()); ++node)
    for (const Neighbour& neighbour : lists[at(node)]) reversed[at(neighbour.node)].push_back(node);
  const std::vector<int> order = leaving_order(lists);
  std::vector<std::vector<int>> components;
  std::vector<bool> is_met(lists.size());
  for (auto root = order.rbegin(); root != order.rend(); ++root) {
    if (is_met[at(*root)]) continue;
    std::vector<int> component;
    std::vector<int> stack{*root};
    is_met[at(*root)] = true;
    while (!stack.empty()) {
      const int node = stack.back();
      stack.pop_back();
      component.push_back(node);
      for (const int before : reversed[at(node)])
        if (!is_met[at(before)]) {
          is_met[at(before)] = true;
          stack.push_back(before);
        }
    }
    std::sort(component.begin(), component.end());
    components.push_back(std::move(component));
  }
  return components;
}

/// Longest continuations, by node and set of nodes of its component already met.
class Continuations {
 public:
  Continuations(const std::vector<std::vector<Neighbour>>& lists,
                const std::vector<std::vector<int>>& components)
      : lists_(lists), component_(lists.size()), place_(lists.size()), from_(lists.size()) {
    tables_.resize(components.size());
    for (int c = 0; c < static_cast<int>(components.size()); ++c)
      for (int i = 0; i < static_cast<int>(components[at(c)].size()); ++i) {
        component_[at(components[at(c)][at(i)])] = c;
        place_[at(components[at(c)][at(i)])] = i;
      }
    for (int c = static_cast<int>(components.size()) - 1; c >= 0; --c) {
      if (std::ssize(components[at(c)]) <= circle_max)
        fill(components[at(c)], c);
      else
        bound(components[at(c)], c);
    }
  }

  bool is_exact() const { return is_exact_; }

  /// Arrows on the longest path that enters its component at this node.
  int from(int node) const { return from_[at(node)]; }

  /// Arrows on the longest path on from `node` when the nodes in `met` are behind.
  int on(int node, std::uint32_t met) const {
    return tables_[at(component_[at(node)])][key(node, met)];
  }
  std::uint32_t alone(int node) const { return 1U << place_[at(node)]; }
  bool is_same_component(int a, int b) const { return component_[at(a)] == component_[at(b)]; }

 private:
  std::size_t key(int node, std::uint32_t met) const {
    return (static_cast<std::size_t>(met) * circle_max) + at(place_[at(node)]);
  }

  void fill(const std::vector<int>& nodes, int component) {
    const auto size = static_cast<unsigned>(nodes.size());
    auto& table = tables_[at(component)];
    table.assign((std::size_t{1} << size) * circle_max, 0);
    for (std::uint32_t met = (1U << size) - 1; met > 0; --met)  // larger sets come first
      for (const int node : nodes) {
        if ((met & alone(node)) == 0) continue;
        int longest = 0;
        for (const Neighbour& next : lists_[at(node)]) {
          if (component_[at(next.node)] != component)
            longest = std::max(longest, 1 + from_[at(next.node)]);
          else if ((met & alone(next.node)) == 0)
            longest = std::max(longest, 1 + table[key(next.node, met | alone(next.node))]);
        }
        table[key(node, met)] = longest;
      }
    for (const int node : nodes) from_[at(node)] = table[key(node, alone(node))];
  }

  void bound(const std::vector<int>& nodes, int component) {
    is_exact_ = false;
    int leaving = 0;
    for (const int node : nodes)
      for (const Neighbour& next : lists_[at(node)])
        if (component_[at(next.node)] != component)
          leaving = std::max(leaving, 1 + from_[at(next.node)]);
    for (const int node : nodes) from_[at(node)] = static_cast<int>(nodes.size()) - 1 + leaving;
  }

  const std::vector<std::vector<Neighbour>>& lists_;
  std::vector<int> component_;
  std::vector<int> place_;  ///< within the component
  std::vector<int> from_;
  std::vector<std::vector<int>> tables_;
  bool is_exact_ = true;
};

/// Walks along every path of the longest length.
class Listing {
 public:
  Listing(const std::vector<std::vector<Neighbour>>& lists, const Continuations& continuations)
      : lists_(lists), continuations_(continuations) {}

  void from(int node) { walk(node, continuations_.alone(node)); }
  std::vector<std::vector<int>> found;

 private:
  void walk(int node, std::uint32_t met) {
    path_.push_back(node);
    const int rest = continuations_.on(node, met);
    if (rest == 0 && found.size() < candidates_max) found.push_back(path_);
    for (const Neighbour& next : lists_[at(node)]) {
      if (rest == 0 || found.size() >= candidates_max) break;
      const bool is_inside = continuations_.is_same_component(node, next.node);
      const std::uint32_t alone = continuations_.alone(next.node);
      if (is_inside && (met & alone) != 0) continue;
      const std::uint32_t met_then = is_inside ? met | alone : alone;
      if (1 + continuations_.on(next.node, met_then) == rest) walk(next.node, met_then);
    }
    path_.pop_back();
  }

  const std::vector<std::vector<Neighbour>>& lists_;
  const Continuations& continuations_;
  std::vector<int> path_;
};

/// A long path that exists, where the longest is too dear to find.
class BoundedSearch {
 public:
  explicit BoundedSearch(const std::vector<std::vector<Neighbour>>& lists)
      : lists_(lists), is_met_(lists.size()) {
    const int per_start = std::max(1, expansions_max / static_cast<int>(lists.size()));
    for (int start = 0; start < static_cast<int>(lists.size()); ++start) {
      left_ = per_start;
      walk(start);
    }
  }
  std::vector<int> best;

 private:
  void walk(int node) {
    --left_;
    is_met_[at(node)] = true;
    path_.push_back(node);
    if (path_.size() > best.size()) best = path_;
    for (const Neighbour& next : lists_[at(node)])
      if (left_ > 0 && !is_met_[at(next.node)]) walk(next.node);
    path_.pop_back();
    is_met_[at(node)] = false;
  }

  const std::vector<std::vector<Neighbour>>& lists_;
  std::vector<bool> is_met_;
  std::vector<int> path_;
  int left_ = 0;
};

double weakest(const std::vector<std::vector<Neighbour>>& lists, const std::vector<int>& path) {
  double least = 2;
  for (std::size_t i = 0; i + 1 < path.size(); ++i)
    for (const Neighbour& next : lists[at(path[i])])
      if (next.node == path[i + 1]) least = std::min(least, next.strength);
  return least;
}

}  // namespace

Chains find_chains(int variables, std::span<const Arrow> arrows) {
  const auto lists = lists_of(variables, arrows);
  const Continuations continuations(lists, components_of(lists));
  Chains chains;
  chains.is_exact = continuations.is_exact();
  for (int node = 0; node < variables; ++node)
    chains.depth = std::max(chains.depth, continuations.from(node));
  if (chains.depth == 0) return chains;
  if (!chains.is_exact) {
    chains.longest.push_back(BoundedSearch(lists).best);
    return chains;
  }
  Listing listing(lists, continuations);
  for (int node = 0; node < variables; ++node)
    if (continuations.from(node) == chains.depth) listing.from(node);
  chains.longest = std::move(listing.found);
  std::stable_sort(chains.longest.begin(), chains.longest.end(), [&](const auto& a, const auto& b) {
    return weakest(lists, a) > weakest(lists, b);
  });
  if (chains.longest.size() > chains_listed_max) chains.longest.resize(chains_listed_max);
  return chains;
}

}  // namespace sovren::jobs
