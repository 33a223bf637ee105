// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numbers>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/causal/search.h"

namespace sovren::kernels::testing {

/// The searches written a second time, as plainly as the papers and facts/causal.md 1.3 say them,
/// link by link on the data themselves. Shares no code with the kernels but the names of things.
class PlainSearch {
 public:
  struct Test {
    double value = 0;
    double p = 1;
  };
  struct Selected {
    std::vector<Node> parents;                 ///< strongest first
    std::map<std::pair<int, int>, Test> seen;  ///< by (variable, lag): the test of largest p
  };
  using Parents = std::vector<std::vector<Node>>;

  PlainSearch(const std::vector<double>& data, int variables, const SearchOptions& options)
      : data_(data), variables_(variables), options_(options) {}

  LinkTable pcmci() {
    Parents parents;
    for (int j = 0; j < variables_; ++j) parents.push_back(select(j).parents);
    LinkTable links(variables_, options_.min_lag, options_.max_lag);
    each_possible([&](int i, int j, int lag) {
      Test found = mci({i, lag}, j, parents);
      if (lag == 0) {
        const Test back = mci({j, 0}, i, parents);
        if (back.p > found.p) found = back;
      }
      links.value[links.index(i, j, lag)] = found.value;
      links.p_value[links.index(i, j, lag)] = found.p;
    });
    adjust(links);
    each_possible([&](int i, int j, int lag) {
      const std::size_t at = links.index(i, j, lag);
      const bool is_required =
          known().is_required(i, j, lag) || (lag == 0 && known().is_required(j, i, 0));
      if (links.q_value[at] > options_.alpha && !is_required) return;
      links.mark[at] = Mark::directed;
      if (lag > 0) return;
      const bool forward = known().is_required(i, j, 0) || known().is_forbidden(j, i, 0);
      const bool backward = known().is_required(j, i, 0) || known().is_forbidden(i, j, 0);
      links.mark[at] = forward ? Mark::directed : backward ? Mark::reversed : Mark::undirected;
    });
    return links;
  }

  /// Runge 2020, both directions of every pair at lag 0 in full, with Tigramite's order of loops.
  LinkTable pcmci_plus() {
    LinkTable links(variables_, options_.min_lag, options_.max_lag);
    std::vector<Selected> selected;
    for (int j = 0; j < variables_; ++j) {
      selected.push_back(select(j));
      parents_.push_back(selected.back().parents);
    }
    each_possible([&](int i, int j, int lag) {
      const std::size_t at = links.index(i, j, lag);
      const auto& parents = parents_[static_cast<std::size_t>(j)];
      if (lag == 0 || std::find(parents.begin(), parents.end(), Node{i, lag}) != parents.end())
        links.mark[at] = Mark::undirected;  // linked, so far
      if (lag > 0) {
        const Test seen = selected[static_cast<std::size_t>(j)].seen.at({i, lag});
        links.value[at] = seen.value;
        links.p_value[at] = seen.p;
      }
    });
    find_skeleton(links);
    orient(links);
    adjust(links);
    return links;
  }

 private:
  bool is_allowed(std::size_t conditions) const {
    return static_cast<int>(conditions) <= options_.max_conditions &&
           samples() - 2 - static_cast<int>(conditions) >= 1;
  }

  /// All subsets of a list by size, then in lexicographic order of places.
  static std::vector<std::vector<int>> subsets(const std::vector<int>& list) {
    std::vector<std::vector<int>> all{{}};
    std::vector<std::vector<std::size_t>> places{{}};
    for (std::size_t at = 0; at < all.size(); ++at)
      for (std::size_t k = places[at].empty() ? 0 : places[at].back() + 1; k < list.size(); ++k) {
        all.push_back(all[at]);
        all.back().push_back(list[k]);
        places.push_back(places[at]);
        places.back().push_back(k);
      }
    return all;
  }

  Test conditioned(Node x, int y, const std::vector<int>& set) {
    std::vector<Node> z;
    for (const int k : set) z.push_back({k, 0});
    append(parents_[static_cast<std::size_t>(y)], 0, x, {y, 0}, z);
    append(parents_[static_cast<std::size_t>(x.variable)], x.lag, x, {y, 0}, z);
    return test(x, {y, 0}, z);
  }

  void find_skeleton(LinkTable& links) {
    const auto is_linked = [&](int i, int j, int lag) {
      return links.mark[links.index(i, j, lag)] != Mark::none;
    };
    std::map<std::pair<int, int>, double> least;  // by (target, other), lag 0
    std::map<std::size_t, Test> worst;
    for (std::size_t level = 0; is_allowed(level); ++level) {
      std::vector<std::vector<int>> adjacent(static_cast<std::size_t>(variables_));
      for (int j = 0; j < variables_; ++j) {
        auto& list = adjacent[static_cast<std::size_t>(j)];
        for (int i = 0; i < variables_; ++i)
          if (is_linked(i, j, 0)) list.push_back(i);
        std::stable_sort(list.begin(), list.end(), [&](int a, int b) {
          return level > 0 && least.at({j, a}) > least.at({j, b});
        });
      }
      bool is_tested = false;
      each_possible([&](int i, int j, int lag) {
        if (!is_linked(i, j, lag)) return;
        std::vector<int> others;
        for (const int k : adjacent[static_cast<std::size_t>(j)])
          if (lag > 0 || k != i) others.push_back(k);
        if (others.size() < level) return;
        is_tested = true;
        const bool is_required =
            known().is_required(i, j, lag) || (lag == 0 && known().is_required(j, i, 0));
        for (const auto& set : subsets(others)) {
          if (set.size() != level) continue;
          const Test found = conditioned({i, lag}, j, set);
          if (lag == 0) {
            auto& smallest = least.try_emplace({j, i}, 1e300).first->second;
            smallest = std::min(smallest, std::abs(found.value));
          }
          for (const std::size_t at :
               {links.index(i, j, lag), lag == 0 ? links.index(j, i, 0) : links.index(i, j, lag)}) {
            Test& largest = worst.try_emplace(at, Test{0, -1}).first->second;
            if (found.p > largest.p ||
                (found.p == largest.p && std::abs(found.value) < std::abs(largest.value)))
              largest = found;
            links.value[at] = largest.value;
            links.p_value[at] = largest.p;
            if (found.p > options_.pc_alphas.front() && !is_required) links.mark[at] = Mark::none;
          }
          if (!is_linked(i, j, lag)) break;
        }
      });
      if (!is_tested) break;
    }
  }

  void orient(LinkTable& links) {
    each_possible([&](int i, int j, int lag) {
      Mark& mark = links.mark[links.index(i, j, lag)];
      if (mark == Mark::none) return;
      const bool forward = known().is_required(i, j, 0) || known().is_forbidden(j, i, 0);
      const bool backward = known().is_required(j, i, 0) || known().is_forbidden(i, j, 0);
      if (lag > 0 || forward)
        mark = Mark::directed;
      else if (backward)
        mark = Mark::reversed;
    });
    const auto mark = [&](Node x, int y) -> Mark& {
      return links.mark[links.index(x.variable, y, x.lag)];
    };
    const auto neighbours = [&](int j, Node except) {
      std::vector<int> list;
      for (int i = 0; i < variables_; ++i)
        if (Node{i, 0} != except && mark({i, 0}, j) != Mark::none) list.push_back(i);
      return list;
    };
    // x at any lag, k and y at lag 0, x and y not linked.
    const auto each_unshielded = [&](auto act) {
      for (int y = 0; y < variables_; ++y)
        for (int k = 0; k < variables_; ++k)
          for (int i = 0; i < variables_; ++i)
            for (int lag = 0; lag <= options_.max_lag; ++lag)
              if (k != y && mark({k, 0}, y) == Mark::undirected && Node{i, lag} != Node{y, 0} &&
                  mark({i, lag}, y) == Mark::none)
                act(Node{i, lag}, k, y);
    };
    std::set<std::pair<int, int>> arrows;
    std::set<std::tuple<int, int, int, int>> ambiguous;
    each_unshielded([&](Node x, int k, int y) {
      if (mark(x, k) != Mark::undirected && mark(x, k) != Mark::directed) return;
      std::set<std::set<int>> sets;
      for (const auto& set : subsets(neighbours(y, x))) sets.insert({set.begin(), set.end()});
      if (x.lag == 0)
        for (const auto& set : subsets(neighbours(x.variable, {y, 0})))
          sets.insert({set.begin(), set.end()});
      int separating = 0;
      int with_k = 0;
      for (const auto& set : sets) {
        if (!is_allowed(set.size())) continue;
        if (conditioned(x, y, {set.begin(), set.end()}).p <= options_.pc_alphas.front()) continue;
        ++separating;
        with_k += set.contains(k);
      }
      if (separating == 2 * with_k) {
        ambiguous.insert({x.variable, x.lag, k, y});
        if (x.lag == 0) ambiguous.insert({y, 0, k, x.variable});
      } else if (2 * with_k < separating) {
        arrows.insert({y, k});
        if (x.lag == 0) arrows.insert({x.variable, k});
      }
    });
    // Arrows wished for at one moment: both ways is a conflict.
    const auto apply = [&] {
      bool has_changed = false;
      const auto wished = arrows;
      std::set<std::pair<int, int>> open;
      for (const auto& [i, j] : wished)
        if (mark({i, 0}, j) == Mark::undirected) open.insert({i, j});
      for (const auto& [i, j] : open) {
        const bool is_conflict = open.contains({j, i});
        mark({i, 0}, j) = is_conflict ? Mark::conflict : Mark::directed;
        mark({j, 0}, i) = is_conflict ? Mark::conflict : Mark::reversed;
        has_changed = true;
      }
      arrows.clear();
      return has_changed;
    };
    apply();
    for (bool has_changed = true; has_changed;) {
      each_unshielded([&](Node x, int k, int y) {
        if (mark(x, k) == Mark::directed && !ambiguous.contains({x.variable, x.lag, k, y}))
          arrows.insert({k, y});
      });
      has_changed = apply();
      for (int a = 0; a < variables_; ++a)
        for (int b = 0; b < variables_; ++b)
          for (int c = 0; c < variables_; ++c)
            if (mark({a, 0}, b) == Mark::directed && mark({b, 0}, c) == Mark::directed &&
                mark({a, 0}, c) == Mark::undirected)
              arrows.insert({a, c});
      has_changed |= apply();
      for (int a = 0; a < variables_; ++a)
        for (int b = 0; b < variables_; ++b)
          for (int c = 0; c < variables_; ++c)
            for (int d = 0; d < variables_; ++d)
              if (b != c && mark({a, 0}, d) == Mark::undirected &&
                  mark({a, 0}, b) == Mark::undirected && mark({a, 0}, c) == Mark::undirected &&
                  mark({b, 0}, d) == Mark::directed && mark({c, 0}, d) == Mark::directed &&
                  mark({b, 0}, c) == Mark::none && !ambiguous.contains({b, 0, a, c}))
                arrows.insert({a, d});
      has_changed |= apply();
    }
  }

  const Knowledge& known() const { return options_.knowledge; }

  template <typename Act>
  void each_possible(Act act) const {
    for (int i = 0; i < variables_; ++i)
      for (int j = 0; j < variables_; ++j)
        for (int lag = options_.min_lag; lag <= options_.max_lag; ++lag)
          if ((lag > 0 || i != j) && known().may_link(i, j, lag)) act(i, j, lag);
  }

  /// Benjamini and Hochberg by the definition: q = min over p' >= p of p' m / (how many <= p').
  void adjust(LinkTable& links) const {
    links.q_value = links.p_value;
    if (!options_.has_fdr) return;
    std::vector<double> p;
    each_possible([&](int i, int j, int lag) {
      if (lag > 0) p.push_back(links.p_value[links.index(i, j, lag)]);
    });
    std::sort(p.begin(), p.end());
    each_possible([&](int i, int j, int lag) {
      if (lag == 0) return;
      double& q = links.q_value[links.index(i, j, lag)];
      double least = 1;
      for (std::size_t rank = p.size(); rank-- > 0 && p[rank] >= q;)
        least = std::min(least,
                         p[rank] * static_cast<double>(p.size()) / static_cast<double>(rank + 1));
      q = least;
    });
  }

  Selected select(int target) {
    struct Candidate {
      Node node;
      double val_min;
      Test worst;
    };
    std::vector<Candidate> order;
    for (int i = 0; i < variables_; ++i)
      for (int lag = std::max(1, options_.min_lag); lag <= options_.max_lag; ++lag)
        if (!known().is_forbidden(i, target, lag)) order.push_back({{i, lag}, 1e300, {0, -1}});
    Selected selected;
    for (std::size_t level = 0; order.size() > level && is_allowed(level); ++level) {
      std::vector<Candidate> kept;
      for (Candidate candidate : order) {
        std::vector<Node> z;
        for (const Candidate& other : order)
          if (other.node != candidate.node && z.size() < level) z.push_back(other.node);
        const Test result = test(candidate.node, {target, 0}, z);
        candidate.val_min = std::min(candidate.val_min, std::abs(result.value));
        if (result.p > candidate.worst.p) candidate.worst = result;
        selected.seen[{candidate.node.variable, candidate.node.lag}] = candidate.worst;
        if (result.p <= options_.pc_alphas.front() ||
            known().is_required(candidate.node.variable, target, candidate.node.lag))
          kept.push_back(candidate);
      }
      std::stable_sort(kept.begin(), kept.end(), [](const Candidate& a, const Candidate& b) {
        return a.val_min > b.val_min;
      });
      order = kept;
    }
    for (const Candidate& candidate : order) selected.parents.push_back(candidate.node);
    return selected;
  }

  Test mci(Node x, int target, const Parents& parents) {
    std::vector<Node> z;
    append(parents[static_cast<std::size_t>(target)], 0, x, {target, 0}, z);
    append(parents[static_cast<std::size_t>(x.variable)], x.lag, x, {target, 0}, z);
    return test(x, {target, 0}, z);
  }

  /// The first max_parents of the nodes, moved back.
  void append(const std::vector<Node>& nodes, int shift, Node x, Node y,
              std::vector<Node>& z) const {
    for (std::size_t k = 0; k < nodes.size() && static_cast<int>(k) < options_.max_parents; ++k) {
      Node node = nodes[k];
      node.lag += shift;
      if (node != x && node != y && std::find(z.begin(), z.end(), node) == z.end())
        z.push_back(node);
    }
  }

  int samples() const { return static_cast<int>(data_.size()) / variables_ - 2 * options_.max_lag; }

  using Column = std::vector<long double>;

  /// Centred values of length 1 at t = 2 max_lag .. T - 1; empty: constant.
  Column column(Node node) const {
    Column values;
    const int first = 2 * options_.max_lag;
    long double mean = 0;
    for (int t = first; t < first + samples(); ++t) {
      values.push_back(
          data_[static_cast<std::size_t>((t - node.lag) * variables_ + node.variable)]);
      mean += values.back() / samples();
    }
    for (long double& value : values) value -= mean;
    const long double length = std::sqrt(dot(values, values));
    if (length < 1e-10L * (1 + std::abs(mean))) return {};
    for (long double& value : values) value /= length;
    return values;
  }

  static long double dot(const Column& a, const Column& b) {
    long double sum = 0;
    for (std::size_t t = 0; t < a.size(); ++t) sum += a[t] * b[t];
    return sum;
  }

  /// own without its part along the basis, twice for the rounding.
  static void remove(const std::vector<Column>& basis, Column& own) {
    for (int twice = 0; twice < 2; ++twice)
      for (const Column& other : basis) {
        const long double share = dot(own, other);
        for (std::size_t t = 0; t < own.size(); ++t) own[t] -= share * other[t];
      }
  }

  Test test(Node x, Node y, const std::vector<Node>& z) {
    std::vector<int> key{x.variable, x.lag, y.variable, y.lag};
    for (const Node node : z) key.insert(key.end(), {node.variable, node.lag});
    const auto [found, is_new] = tests_.try_emplace(key);
    if (is_new) found->second = compute(x, y, z);
    return found->second;
  }

  Test compute(Node x, Node y, const std::vector<Node>& z) {
    std::vector<Column> basis;
    int df = samples() - 2;
    for (const Node node : z) {
      Column own = column(node);
      if (own.empty()) continue;
      --df;
      remove(basis, own);
      const long double length = std::sqrt(dot(own, own));
      if (length < 1e-7L) continue;  // what the others say already
      for (long double& value : own) value /= length;
      basis.push_back(std::move(own));
    }
    Column a = column(x);
    Column b = column(y);
    if (df < 1 || a.empty() || b.empty()) return {};
    remove(basis, a);
    remove(basis, b);
    const long double left_a = std::sqrt(dot(a, a));
    const long double left_b = std::sqrt(dot(b, b));
    if (left_a < 1e-7L || left_b < 1e-7L) return {};
    const auto value = static_cast<double>(dot(a, b) / left_a / left_b);
    return {value, p_of(value, df)};
  }

  /// With r = sin(angle) the density of r under independence is that of cos(angle)^(df - 1).
  double p_of(double r, int df) {
    double& whole = whole_.try_emplace(df, 0).first->second;
    if (whole == 0) whole = tail(0, df);
    return tail(std::asin(std::min(1.0, std::abs(r))), df) / whole;
  }

  static double tail(double from, int df) {
    constexpr int panels = 3000;
    const double h = (std::numbers::pi / 2 - from) / panels;
    double sum = 0;
    for (int k = 0; k <= panels; ++k) {
      const double weight = k == 0 || k == panels ? 1 : k % 2 == 1 ? 4 : 2;
      sum += weight * std::pow(std::max(0.0, std::cos(from + h * k)), df - 1);
    }
    return sum * h / 3;
  }

  const std::vector<double>& data_;
  int variables_;
  SearchOptions options_;
  std::map<std::vector<int>, Test> tests_;
  std::map<int, double> whole_;  ///< by df
  Parents parents_;
};

/// Value, p and q to 1e-9, marks equal.
inline void expect_same_links(const LinkTable& found, const LinkTable& expected) {
  ASSERT_EQ(found.value.size(), expected.value.size());
  for (int i = 0; i < expected.variables; ++i)
    for (int j = 0; j < expected.variables; ++j)
      for (int lag = 0; lag <= expected.max_lag; ++lag) {
        const std::size_t at = expected.index(i, j, lag);
        const std::string link =
            std::to_string(i) + " -" + std::to_string(lag) + "-> " + std::to_string(j);
        EXPECT_NEAR(found.value[at], expected.value[at], 1e-9) << link;
        EXPECT_NEAR(found.p_value[at], expected.p_value[at], 1e-9) << link;
        EXPECT_NEAR(found.q_value[at], expected.q_value[at], 1e-9) << link;
        EXPECT_EQ(found.mark[at], expected.mark[at]) << link;
      }
}

}  // namespace sovren::kernels::testing
