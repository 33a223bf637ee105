// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pc_search.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

#include "core/base/check.h"
#include "kernels/causal/orientation.h"
#include "kernels/causal/shared_correlation.h"
#include "kernels/causal/subset_tests.h"

namespace sovren::kernels {
namespace {

constexpr int max_units = 4096;
constexpr double unit_s = 1e-3;  ///< worth being sent to another rank

/// Subsets of `size` out of count; as a double, for it is a cost.
double subsets(std::size_t count, int size) {
  double product = 1;
  for (int k = 0; k < size; ++k)
    product *= (static_cast<double>(count) - k) / (static_cast<double>(k) + 1);
  return std::max(product, 0.0);
}

/// Says a less of a link than b: the larger p-value, on a tie the smaller value.
bool is_weaker(const Partial& a, const Partial& b) {
  const double value_a = std::abs(a.value);
  const double value_b = std::abs(b.value);
  if (std::isnan(a.p_value) && std::isnan(b.p_value) && a.df == b.df) return value_a < value_b;
  const double p_a = FisherZ::p_of(a);
  const double p_b = FisherZ::p_of(b);
  return p_a > p_b || (p_a == p_b && value_a < value_b);
}

}  // namespace

/// One thread's tests of a level.
class PcSearch::Tester {
 public:
  explicit Tester(const PcSearch& search)
      : search_(search),
        judge_(search.judge_),
        tests_(make_subset_tests(search.source_, search.matrix_)),
        places_(static_cast<std::size_t>(search.round_.level)) {}

  /// Tests the pair; real gets its value and p-value.
  void test(Pair pair, std::vector<double>& real) {
    is_separated_ = false;
    has_weakest_ = false;
    const auto others = [&](int variable, int other, std::vector<int>& out) {
      out.clear();
      if (places_.empty()) return;
      for (const int neighbour : search_.neighbours_[static_cast<std::size_t>(variable)])
        if (neighbour != other) out.push_back(neighbour);
    };
    others(pair.i, pair.j, first_);
    test_side(pair, first_, {});
    if (!is_separated_ && !places_.empty()) {
      others(pair.j, pair.i, second_);
      test_side(pair, second_, first_);
    }
    real.push_back(weakest_.value);
    real.push_back(FisherZ::p_of(weakest_));
  }

  const TestCounts& counts() const { return counts_; }
  /// The separating sets of the pairs that have one, one after another.
  std::span<const int> sets() const { return sets_; }

 private:
  /// Given subsets of the candidates that are not all among `tested`.
  void test_side(Pair pair, std::span<const int> candidates, std::span<const int> tested) {
    if (candidates.size() < places_.size()) return;
    is_tested_.assign(candidates.size(), false);
    for (std::size_t c = 0; c < candidates.size(); ++c)
      is_tested_[c] = std::ranges::binary_search(tested, candidates[c]);
    tests_->begin(pair.i, pair.j, candidates);
    std::iota(places_.begin(), places_.end(), 0);
    const auto is_tested = [&](int place) { return is_tested_[static_cast<std::size_t>(place)]; };
    int unchanged = 0;
    int kept = 0;
    do {
      kept = std::min(kept, unchanged);
      if (!places_.empty() && std::ranges::all_of(places_, is_tested)) continue;
      const Partial partial = tests_->test(places_, kept);
      kept = static_cast<int>(places_.size());
      counts_.count(partial);
      is_separated_ = !search_.is_kept(pair) && !judge_.is_dependent(partial);
      if (is_separated_ || !has_weakest_ || is_weaker(partial, weakest_)) weakest_ = partial;
      has_weakest_ = true;
      if (!is_separated_) continue;
      for (const int place : places_) sets_.push_back(candidates[static_cast<std::size_t>(place)]);
      return;
    } while (next_subset(places_, static_cast<int>(candidates.size()), unchanged));
  }

  const PcSearch& search_;
  FisherZ judge_;
  std::unique_ptr<SubsetTests> tests_;
  TestCounts counts_;
  std::vector<int> places_;
  std::vector<int> first_, second_;  ///< candidates of either side
  std::vector<bool> is_tested_;      ///< by candidate: is it one of the first side too?
  bool is_separated_ = false;
  bool has_weakest_ = false;
  Partial weakest_;
  std::vector<int> sets_;
};

PcSearch::PcSearch(const TestSource& source, SearchOptions options)
    : source_(source),
      options_(std::move(options)),
      alpha_(options_.pc_alphas.at(0)),
      judge_(alpha_),
      links_(source.variables(), 0, 0) {
  if (const SharedCorrelation* const shared = source.shared_correlation())
    matrix_ = correlation_matrix(*shared);
  neighbours_.resize(static_cast<std::size_t>(source.variables()));
  start_first_round();
}

std::string PcSearch::phase() const {
  if (is_done()) return "oriented";
  return "skeleton, " + std::to_string(round_.level) +
         (round_.level == 1 ? " condition" : " conditions");
}

/// With correlations a test is a row of a factor.
double PcSearch::test_s(int level) const {
  const double size = level + 2;
  return matrix_.empty() ? source_.test_s(level) : 1e-8 * size * size;
}

double PcSearch::tests_of(Pair pair, int level) const {
  const auto others = [&](int variable) {
    return neighbours_[static_cast<std::size_t>(variable)].size() - 1;
  };
  return subsets(others(pair.i), level) + subsets(others(pair.j), level);
}

/// Is the pair known to be linked?
bool PcSearch::is_kept(Pair pair) const {
  const Knowledge& known = options_.knowledge;
  return !known.is_empty() &&
         (known.is_required(pair.i, pair.j, 0) || known.is_required(pair.j, pair.i, 0));
}

void PcSearch::start_first_round() {
  const Knowledge& known = options_.knowledge;
  for (int i = 0; i < source_.variables(); ++i)
    for (int j = i + 1; j < source_.variables(); ++j)
      if (known.is_empty() || known.may_link(i, j, 0)) round_.pairs.push_back({i, j});
  const std::vector<double> tests(round_.pairs.size(), 1.0);
  share_out(tests);
}

void PcSearch::start_round(int level) {
  round_ = {.level = level, .pairs = {}, .begin = {}, .cost_s = {}};
  if (level > options_.max_conditions || source_.samples() - 3 - level < 1) return;
  std::vector<double> tests;
  for (int i = 0; i < source_.variables(); ++i) {
    for (const int j : neighbours_[static_cast<std::size_t>(i)]) {
      if (j < i) continue;
      const double count = tests_of({i, j}, level);
      if (count == 0) continue;
      round_.pairs.push_back({i, j});
      tests.push_back(count);
    }
  }
  share_out(tests);
}

/// Cuts the round in units of about the same cost.
void PcSearch::share_out(std::span<const double> tests) {
  const double one = test_s(round_.level);
  const double all = std::accumulate(tests.begin(), tests.end(), 0.0);
  const double share = std::max(unit_s / one, all / max_units);
  double sum = 0;
  for (std::size_t k = 0; k < tests.size(); ++k) {
    if (k == 0 || sum >= share) {
      round_.begin.push_back(k);
      round_.cost_s.push_back(0);
      sum = 0;
    }
    sum += tests[k];
    round_.cost_s.back() = sum * one;
  }
  round_.begin.push_back(tests.size());

  // What comes after: the next level's tests, were half of the pairs unlinked before; after level 0
  // about as many as now.
  double next = round_.level == 0 ? all : 0;
  if (round_.level > 0)
    for (const Pair pair : round_.pairs) next += 0.5 * tests_of(pair, round_.level + 1);
  next *= test_s(round_.level + 1);
  const double now = all * one;
  fraction_after_ = now == 0 ? 1 : fraction_ + (1 - fraction_) * now / (now + next);
}

UnitResult PcSearch::run(int unit) const {
  const auto u = static_cast<std::size_t>(unit);
  SOVREN_CHECK(u < round_.cost_s.size(), "the unit is of this round");
  UnitResult result;
  Tester tester(*this);
  for (std::size_t k = round_.begin[u]; k < round_.begin[u + 1]; ++k)
    tester.test(round_.pairs[k], result.real);
  result.whole.assign(tester.sets().begin(), tester.sets().end());
  result.counts = tester.counts();
  return result;
}

void PcSearch::close(std::span<const UnitResult> results) {
  SOVREN_CHECK(std::ssize(results) == units(), "one result for each unit");
  const auto size = static_cast<std::ptrdiff_t>(round_.level);
  std::vector<Pair> separated;
  for (std::size_t u = 0; u < results.size(); ++u) {
    const UnitResult& unit = results[u];
    auto set = unit.whole.begin();
    const double* real = unit.real.data();
    for (std::size_t k = round_.begin[u]; k < round_.begin[u + 1]; ++k, real += 2) {
      const Pair pair = round_.pairs[k];
      note(pair, real[0], real[1]);
      if (real[1] <= alpha_ || is_kept(pair)) continue;
      separated.push_back(pair);
      if (size > 0) sets_[{pair.i, pair.j}].assign(set, set + size);
      set += size;
    }
  }
  unlink(separated);
  tested_level_ = round_.level;
  fraction_ = fraction_after_;
  start_round(round_.level + 1);
  if (is_done()) orient();
}

/// The larger p-value with its value stays.
void PcSearch::note(Pair pair, double value, double p_value) {
  const std::size_t there = links_.index(pair.i, pair.j, 0);
  const double p_before = links_.p_value[there];
  const bool is_first = round_.level == 0;
  if (!is_first && p_value < p_before) return;
  if (!is_first && p_value == p_before && std::abs(value) > std::abs(links_.value[there])) return;
  for (const std::size_t entry : {there, links_.index(pair.j, pair.i, 0)}) {
    links_.value[entry] = value;
    links_.p_value[entry] = p_value;
    links_.q_value[entry] = p_value;
    links_.mark[entry] = Mark::undirected;
  }
}

/// From neighbours and links. After level 0 the neighbours are what is left of the round's pairs.
void PcSearch::unlink(std::span<const Pair> separated) {
  for (const auto [i, j] : separated)
    links_.mark[links_.index(i, j, 0)] = links_.mark[links_.index(j, i, 0)] = Mark::none;
  const auto is_linked = [&](int i, int j) {
    return links_.mark[links_.index(i, j, 0)] != Mark::none;
  };
  if (round_.level == 0) {
    for (const auto [i, j] : round_.pairs) {
      if (!is_linked(i, j)) continue;
      neighbours_[static_cast<std::size_t>(i)].push_back(j);
      neighbours_[static_cast<std::size_t>(j)].push_back(i);
    }
  } else {
    for (int i = 0; i < source_.variables(); ++i)
      std::erase_if(neighbours_[static_cast<std::size_t>(i)],
                    [&](int j) { return !is_linked(i, j); });
  }
}

std::optional<std::vector<int>> PcSearch::separating_set(int i, int j) const {
  const auto [low, high] = std::minmax(i, j);
  if (links_.mark[links_.index(low, high, 0)] != Mark::none) return std::nullopt;
  if (!options_.knowledge.may_link(low, high, 0)) return std::nullopt;
  const auto found = sets_.find({low, high});
  return found == sets_.end() ? std::vector<int>{} : found->second;
}

MixedGraph PcSearch::skeleton() const {
  MixedGraph graph(source_.variables());
  for (int i = 0; i < graph.nodes(); ++i) {
    for (const int j : neighbours_[static_cast<std::size_t>(i)]) {
      if (j < i) continue;
      const Mark known = known_mark(options_.knowledge, i, j);
      if (known == Mark::directed)
        graph.fix(i, j);
      else if (known == Mark::reversed)
        graph.fix(j, i);
      else
        graph.link(i, j);
    }
  }
  return graph;
}

void PcSearch::orient() {
  MixedGraph graph = skeleton();
  std::vector<MixedGraph::Arrow> arrows;
  for (int middle = 0; middle < graph.nodes(); ++middle) {
    const auto& around = neighbours_[static_cast<std::size_t>(middle)];
    for (std::size_t b = 1; b < around.size(); ++b) {
      for (std::size_t a = 0; a < b; ++a) {
        if (graph.are_linked(around[a], around[b])) continue;
        const auto set = separating_set(around[a], around[b]);
        if (!set)
          graph.set_ambiguous(around[a], middle, around[b]);
        else if (!std::ranges::binary_search(*set, middle))
          arrows.insert(arrows.end(), {{around[a], middle}, {around[b], middle}});
      }
    }
  }
  graph.orient(arrows);
  orient_by_rules(graph);
  for (int i = 0; i < graph.nodes(); ++i)
    for (const MixedGraph::Edge& edge : graph.edges(i))
      links_.mark[links_.index(i, edge.to, 0)] = edge.mark;
}

std::unique_ptr<Search> make_pc(const TestSource& source, const SearchOptions& options) {
  return std::make_unique<PcSearch>(source, options);
}

}  // namespace sovren::kernels
