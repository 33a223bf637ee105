// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pcmci_plus.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/mixed_graph.h"
#include "kernels/causal/orientation.h"
#include "kernels/causal/plus_units.h"
#include "kernels/causal/selection_round.h"

namespace sovren::kernels {
namespace {

class PcmciPlusSearch : public Search {
 public:
  PcmciPlusSearch(const TestSource& source, const SearchOptions& options);
  PcmciPlusSearch(const PcmciPlusSearch&) = delete;
  PcmciPlusSearch& operator=(const PcmciPlusSearch&) = delete;

  std::string phase() const override;
  int units() const override;
  double cost_s(int unit) const override;
  UnitResult run(int unit) const override;
  void run_batch(std::span<const int> units, std::span<UnitResult> out) const override;
  bool takes_batches() const override {
    const bool is_for_device =
        round_ == Round::selection || (round_ == Round::skeleton && level_ == 0);
    return is_for_device && working_device(source_) != nullptr;
  }
  void close(std::span<const UnitResult> results) override;
  double fraction() const override;
  double fraction_after() const override;
  int conditioning_level() const override { return tested_level_; }
  const LinkTable& links() const override { return links_; }

 private:
  enum class Round { selection, skeleton, colliders, done };

  Pc1Options selection_options() const;
  void close_selection(std::span<const UnitResult> results);
  void close_skeleton(std::span<const UnitResult> results);
  void close_colliders(std::span<const UnitResult> results);
  void begin_level(int level);
  void begin_colliders();
  bool may_collide(Node x, int middle, int y) const;
  void refresh_neighbours();
  void finish(const std::vector<TripleFound>& found);
  MixedGraph skeleton_graph() const;

  PlusTests tests() const { return {source_, conditions_, options_.pc_alphas.front()}; }
  /// Sets larger than this are not tried: even without B they would leave no degree of freedom.
  int size_max() const { return std::min(options_.max_conditions, source_.samples() - 3); }
  std::size_t pair(int target, int other) const {
    return static_cast<std::size_t>(target) * static_cast<std::size_t>(links_.variables) +
           static_cast<std::size_t>(other);
  }
  std::span<const int> neighbours(int variable) const {
    return conditions_.neighbours[static_cast<std::size_t>(variable)];
  }
  Mark mark(Node x, int y) const { return links_.mark[links_.index(x.variable, y, x.lag)]; }
  bool is_linked(Node x, int y) const { return mark(x, y) != Mark::none; }
  bool is_required(const PlusLink& link) const {
    const Knowledge& known = options_.knowledge;
    return known.is_required(link.x.variable, link.y, link.x.lag) ||
           (link.x.lag == 0 && known.is_required(link.y, link.x.variable, 0));
  }
  int number(Node node) const { return node.lag * links_.variables + node.variable; }

  const TestSource& source_;
  SearchOptions options_;
  Round round_ = Round::selection;
  int level_ = 0;  ///< of the skeleton
  std::vector<PlusLink> round_links_;
  std::vector<PlusTriple> round_triples_;
  PlusConditions conditions_;  ///< parents: B; neighbours: as the level began
  std::vector<double> least_;  ///< by pair(target, other) at lag 0: smallest |value|
  int tested_level_ = 0;
  LinkTable links_;  ///< until the end a mark says that the two are linked
};

PcmciPlusSearch::PcmciPlusSearch(const TestSource& source, const SearchOptions& options)
    : source_(source),
      options_(options),
      links_(source.variables(), options.min_lag, options.max_lag) {
  SOVREN_CHECK(options.max_lag <= source.max_lag(), "the source holds the lags");
  SOVREN_CHECK(!options.pc_alphas.empty(), "there is a level");
  options_.pc_alphas.resize(1);
}

std::string PcmciPlusSearch::phase() const {
  switch (round_) {
    case Round::selection:
      return "condition selection";
    case Round::skeleton:
      return "skeleton, " + std::to_string(level_) + (level_ == 1 ? " condition" : " conditions");
    case Round::colliders:
      return "colliders";
    default:
      return "done";
  }
}

int PcmciPlusSearch::units() const {
  switch (round_) {
    case Round::selection:
      return links_.variables;
    case Round::skeleton:
      return static_cast<int>(round_links_.size());
    case Round::colliders:
      return static_cast<int>(round_triples_.size());
    default:
      return 0;
  }
}

/// How many levels there will be is not known: each is taken for half of what is left.
double PcmciPlusSearch::fraction() const {
  switch (round_) {
    case Round::selection:
      return 0;
    case Round::skeleton:
      return 0.9 - 0.7 * std::pow(0.5, level_);
    case Round::colliders:
      return 0.9;
    default:
      return 1;
  }
}

double PcmciPlusSearch::fraction_after() const {
  switch (round_) {
    case Round::selection:
      return 0.2;
    case Round::skeleton:
      return 0.9 - 0.7 * std::pow(0.5, level_ + 1);
    default:
      return 1;
  }
}

double PcmciPlusSearch::cost_s(int unit) const {
  const auto at = static_cast<std::size_t>(unit);
  if (round_ == Round::selection) return target_cost_s(source_, options_);
  if (round_ == Round::skeleton) return tests().link_s(round_links_[at], level_);
  return tests().triple_s(round_triples_[at]);
}

Pc1Options PcmciPlusSearch::selection_options() const {
  Pc1Options options = pc1_options(options_);
  options.keeps_dropped = true;
  return options;
}

UnitResult PcmciPlusSearch::run(int unit) const {
  const auto at = static_cast<std::size_t>(unit);
  if (round_ == Round::selection)
    return pack_selection(select_conditions(source_, unit, selection_options()));
  if (round_ == Round::skeleton) {
    const PlusLink& link = round_links_[at];
    return pack(tests().link(link, level_, is_required(link)));
  }
  return pack(tests().triple(round_triples_[at], size_max()));
}

/// A device has part in the selection and in the first level of the skeleton.
void PcmciPlusSearch::run_batch(std::span<const int> units, std::span<UnitResult> out) const {
  const BatchTests* const device = takes_batches() ? source_.batches() : nullptr;
  if (device == nullptr) {
    Search::run_batch(units, out);
    return;
  }
  if (round_ == Round::selection) {
    select_on_device(source_, *device, units, selection_options(), out);
    return;
  }
  std::vector<PlusLink> links;
  std::vector<std::uint8_t> required;
  for (const int unit : units) {
    links.push_back(round_links_[static_cast<std::size_t>(unit)]);
    required.push_back(is_required(links.back()) ? 1 : 0);
  }
  std::vector<LinkFound> found(links.size());
  tests().links_given_parents(*device, links, required, found);
  for (std::size_t k = 0; k < found.size(); ++k) out[k] = pack(found[k]);
}

void PcmciPlusSearch::close(std::span<const UnitResult> results) {
  SOVREN_CHECK(std::ssize(results) == units(), "one result for each unit");
  if (round_ == Round::selection)
    close_selection(results);
  else if (round_ == Round::skeleton)
    close_skeleton(results);
  else
    close_colliders(results);
}

void PcmciPlusSearch::close_selection(std::span<const UnitResult> results) {
  const int n = links_.variables;
  conditions_.parents.resize(static_cast<std::size_t>(n));
  for (int target = 0; target < n; ++target) {
    const Pc1Result selected = unpack_selection(results[static_cast<std::size_t>(target)]);
    tested_level_ = std::max(tested_level_, selected.level_max);
    const auto put = [&](const Parent& seen, Mark mark) {
      const std::size_t at = links_.index(seen.node.variable, target, seen.node.lag);
      links_.value[at] = seen.value;
      links_.p_value[at] = links_.q_value[at] = seen.p_max;
      links_.mark[at] = mark;
    };
    for (const Parent& parent : selected.parents) put(parent, Mark::directed);
    for (const Parent& candidate : selected.dropped) put(candidate, Mark::none);
    auto& kept = conditions_.parents[static_cast<std::size_t>(target)];
    for (const Parent& parent : selected.parents)
      if (std::ssize(kept) < options_.max_parents) kept.push_back(parent.node);
  }
  if (options_.min_lag == 0)
    for (int i = 0; i < n; ++i)
      for (int j = i + 1; j < n; ++j)
        if (options_.knowledge.may_link(i, j, 0))
          mark_pair(links_, i, j, known_mark(options_.knowledge, i, j));
  least_.assign(pair(n, 0), std::numeric_limits<double>::infinity());
  round_ = Round::skeleton;
  begin_level(0);
}

void PcmciPlusSearch::refresh_neighbours() {
  conditions_.neighbours.assign(static_cast<std::size_t>(links_.variables), {});
  for (int j = 0; j < links_.variables; ++j) {
    std::vector<int>& list = conditions_.neighbours[static_cast<std::size_t>(j)];
    for (int i = 0; i < links_.variables; ++i)
      if (is_linked({i, 0}, j)) list.push_back(i);
    std::ranges::stable_sort(list, std::ranges::greater{},
                             [&](int i) { return least_[pair(j, i)]; });
  }
}

/// The links that still have enough neighbours; none: the skeleton is done.
void PcmciPlusSearch::begin_level(int level) {
  level_ = level;
  round_links_.clear();
  refresh_neighbours();
  const int n = links_.variables;
  for (int i = 0; i < n && level <= size_max(); ++i)
    for (int j = 0; j < n; ++j)
      for (int lag = links_.min_lag; lag <= links_.max_lag; ++lag) {
        if (!is_linked({i, lag}, j) || (lag == 0 && i > j)) continue;
        const auto most =
            static_cast<int>(lag > 0 ? neighbours(j).size()
                                     : std::max(neighbours(j).size(), neighbours(i).size()) - 1);
        if (most >= level) round_links_.push_back({{i, lag}, j});
      }
  if (round_links_.empty()) begin_colliders();
}

void PcmciPlusSearch::close_skeleton(std::span<const UnitResult> results) {
  for (std::size_t k = 0; k < round_links_.size(); ++k) {
    const auto [x, y] = round_links_[k];
    const LinkFound found = unpack_link(results[k]);
    tested_level_ = std::max(tested_level_, found.level);
    const std::size_t at = links_.index(x.variable, y, x.lag);
    WeakestTest weakest = found.weakest;
    if (level_ > 0) weakest.note(links_.p_value[at], links_.value[at]);
    const auto put = [&](std::size_t entry) {
      links_.value[entry] = weakest.value;
      links_.p_value[entry] = links_.q_value[entry] = weakest.p;
      if (found.is_unlinked) links_.mark[entry] = Mark::none;
    };
    put(at);
    if (x.lag > 0) continue;
    put(links_.index(y, x.variable, 0));
    double& of_x = least_[pair(y, x.variable)];
    double& of_y = least_[pair(x.variable, y)];
    of_x = std::min(of_x, found.least_of_x);
    of_y = std::min(of_y, found.least_of_y);
  }
  begin_level(level_ + 1);
}

/// Can both links point at the middle, and is the direction of one still to be found?
bool PcmciPlusSearch::may_collide(Node x, int middle, int y) const {
  const Mark of_x = mark(x, middle);
  const Mark of_y = mark({y, 0}, middle);
  const auto may_point = [](Mark seen) {
    return seen == Mark::undirected || seen == Mark::directed;
  };
  return may_point(of_x) && may_point(of_y) &&
         (of_x == Mark::undirected || of_y == Mark::undirected);
}

void PcmciPlusSearch::begin_colliders() {
  round_ = Round::colliders;
  round_links_.clear();
  for (std::vector<int>& list : conditions_.neighbours) std::ranges::sort(list);
  for (int middle = 0; middle < links_.variables; ++middle)
    for (const int y : neighbours(middle))
      for (int i = 0; i < links_.variables; ++i)
        for (int lag = 0; lag <= links_.max_lag; ++lag) {
          const Node x{i, lag};
          if (lag == 0 && i >= y) continue;  // each pair of ends once
          if (may_collide(x, middle, y) && !is_linked(x, y))
            round_triples_.push_back({x, middle, y});
        }
  if (round_triples_.empty()) finish({});
}

void PcmciPlusSearch::close_colliders(std::span<const UnitResult> results) {
  std::vector<TripleFound> found;
  for (const UnitResult& result : results) {
    found.push_back(unpack_triple(result));
    tested_level_ = std::max(tested_level_, found.back().level);
  }
  finish(found);
}

/// Nodes: lag 0 first, then the lagged ones that are causes. What is known, and time, is fixed.
MixedGraph PcmciPlusSearch::skeleton_graph() const {
  const int n = links_.variables;
  MixedGraph graph(n * (links_.max_lag + 1));
  for (int i = 0; i < n; ++i)
    for (int j = 0; j < n; ++j)
      for (int lag = 0; lag <= links_.max_lag; ++lag) {
        const Mark seen = mark({i, lag}, j);
        if (seen == Mark::directed)
          graph.fix(number({i, lag}), j);
        else if (seen == Mark::undirected && i < j)
          graph.link(i, j);
      }
  return graph;
}

void PcmciPlusSearch::finish(const std::vector<TripleFound>& found) {
  MixedGraph graph = skeleton_graph();
  std::vector<MixedGraph::Arrow> arrows;
  for (std::size_t k = 0; k < found.size(); ++k) {
    const auto [x, middle, y] = round_triples_[k];
    if (found[k].is_ambiguous()) graph.set_ambiguous(number(x), middle, y);
    if (!found[k].is_collider()) continue;
    arrows.push_back({number(x), middle});
    arrows.push_back({y, middle});
  }
  graph.orient(arrows);
  orient_by_rules(graph);
  for (int i = 0; i < links_.variables; ++i)
    for (int j = i + 1; j < links_.variables; ++j) mark_pair(links_, i, j, graph.mark(i, j));
  set_q_values(links_, options_);
  round_triples_.clear();
  round_ = Round::done;
}

}  // namespace

std::unique_ptr<Search> make_pcmci_plus(const TestSource& source, const SearchOptions& options) {
  return std::make_unique<PcmciPlusSearch>(source, options);
}

}  // namespace sovren::kernels
