// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace sovren::kernels::testing {

/// PC-stable written a second time, as plainly as Colombo and Maathuis (2014) say it, over any
/// test. Shares no code with kernels/.
class PlainPc {
 public:
  struct Test {
    double value, p;
  };
  using TestFunction = std::function<Test(int x, int y, const std::vector<int>& z)>;
  using Pair = std::pair<int, int>;

  PlainPc(int variables, int most_conditions, double alpha, TestFunction test)
      : n_(variables), alpha_(alpha), test_(std::move(test)) {
    for (int i = 0; i < n_; ++i)
      for (int j = 0; j < n_; ++j)
        if (i != j) linked.insert({i, j});
    for (int level = 0; level <= most_conditions; ++level)
      if (!pass(level)) break;
    orient();
  }

  std::set<Pair> linked;                  ///< both directions
  std::map<Pair, std::vector<int>> sets;  ///< i < j
  std::map<Pair, Test> weakest;           ///< i < j
  std::set<Pair> heads;                   ///< (i, j): an arrow head at j; both ways: a conflict
  long tests = 0;                         ///< each set of a pair counted once

 private:
  std::vector<int> around(int i) const {
    std::vector<int> found;
    for (int j = 0; j < n_; ++j)
      if (linked.contains({i, j})) found.push_back(j);
    return found;
  }

  static void all_subsets(const std::vector<int>& of, std::size_t from, int size,
                          std::vector<int>& chosen, std::vector<std::vector<int>>& out) {
    if (size == 0) {
      out.push_back(chosen);
      return;
    }
    for (std::size_t k = from; k < of.size(); ++k) {
      chosen.push_back(of[k]);
      all_subsets(of, k + 1, size - 1, chosen, out);
      chosen.pop_back();
    }
  }

  bool pass(int level) {
    std::vector<std::vector<int>> a;
    for (int i = 0; i < n_; ++i) a.push_back(around(i));
    bool has_tested = false;
    std::map<Pair, std::set<std::vector<int>>> done;
    for (int i = 0; i < n_; ++i) {
      for (const int j : a[static_cast<std::size_t>(i)]) {
        std::vector<int> others = a[static_cast<std::size_t>(i)];
        std::erase(others, j);
        std::vector<int> chosen;
        std::vector<std::vector<int>> subsets;
        all_subsets(others, 0, level, chosen, subsets);
        const Pair pair{std::min(i, j), std::max(i, j)};
        for (const auto& z : subsets) {
          if (!linked.contains({i, j})) break;
          has_tested = true;
          if (!done[pair].insert(z).second) continue;
          ++tests;
          const Test result = test_(pair.first, pair.second, z);
          if (!weakest.contains(pair) || result.p > weakest[pair].p) weakest[pair] = result;
          if (result.p <= alpha_) continue;
          linked.erase({i, j});
          linked.erase({j, i});
          sets[pair] = z;
        }
      }
    }
    return has_tested;
  }

  bool is_open(int a, int b) const {
    return linked.contains({a, b}) && !heads.contains({a, b}) && !heads.contains({b, a});
  }
  bool is_arrow(int a, int b) const { return heads.contains({a, b}) && !heads.contains({b, a}); }

  void orient() {
    for (int i = 0; i < n_; ++i)
      for (int j = i + 1; j < n_; ++j)
        for (int k = 0; k < n_; ++k)
          if (!linked.contains({i, j}) && linked.contains({i, k}) && linked.contains({j, k}) &&
              std::ranges::count(sets.at({i, j}), k) == 0)
            heads.insert({{i, k}, {j, k}});
    for (std::size_t before = heads.size() + 1; before != heads.size();) {
      before = heads.size();
      for (const int rule : {1, 2, 3}) {
        std::set<Pair> found;
        for (int a = 0; a < n_; ++a)
          for (int b = 0; b < n_; ++b)
            if (is_open(a, b) && follows(rule, a, b)) found.insert({a, b});
        heads.insert(found.begin(), found.end());
      }
    }
  }

  /// Does a --> b follow by this rule of Meek?
  bool follows(int rule, int a, int b) const {
    for (int c = 0; c < n_; ++c) {
      if (rule == 1 && is_arrow(c, a) && c != b && !linked.contains({c, b})) return true;
      if (rule == 2 && is_arrow(a, c) && is_arrow(c, b)) return true;
      for (int d = 0; d < n_ && rule == 3; ++d)
        if (c != d && is_open(a, c) && is_open(a, d) && is_arrow(c, b) && is_arrow(d, b) &&
            !linked.contains({c, d}))
          return true;
    }
    return false;
  }

  int n_;
  double alpha_;
  TestFunction test_;
};

}  // namespace sovren::kernels::testing
