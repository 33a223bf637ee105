// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/scores.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <tuple>

#include "core/text/digest.h"
#include "core/text/job_file.h"
#include "jobs/causal/graph.h"
#include "kernels/causal/mixed_graph.h"

namespace sovren::jobs {

namespace {

constexpr std::string_view columns_allowed =
    "the truth needs the columns source, target and, if known, lag";

Result<int> column_of(const std::string& path, const TextTable& table, std::string_view name) {
  const auto at = std::find(table.header.begin(), table.header.end(), name);
  if (at == table.header.end())
    return fail({.code = Code::data_invalid,
                 .what = "there is no column '" + std::string(name) + "'",
                 .hint = std::string(columns_allowed),
                 .where = path});
  return static_cast<int>(at - table.header.begin());
}

struct Place {
  const std::string& path;
  const TextRow& row;
  std::string text() const { return path + ":" + std::to_string(row.line); }
};

/// Place of a variable; -1 when the file has it but the job does not use it.
Result<int> variable_of(const Place& place, const Table& table, const std::string& name) {
  const auto at = std::find(table.names.begin(), table.names.end(), name);
  if (at != table.names.end()) return static_cast<int>(at - table.names.begin());
  if (std::find(table.all_names.begin(), table.all_names.end(), name) != table.all_names.end())
    return -1;
  const std::vector<std::string_view> candidates(table.names.begin(), table.names.end());
  const std::string near = text::nearest(name, candidates);
  return fail({.code = Code::data_invalid,
               .what = "the data have no variable '" + name + "'",
               .hint = near.empty() ? "" : "did you mean '" + near + "'?",
               .where = place.text()});
}

Result<int> lag_of(const Place& place, const std::string& cell) {
  int lag = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), lag);
  if (error != std::errc() || end != cell.data() + cell.size() || lag < 0)
    return fail({.code = Code::data_invalid,
                 .what = "column 'lag': '" + cell + "' is not a lag (allowed: 0, 1, 2, ...)",
                 .where = place.text()});
  return lag;
}

void note(std::vector<std::string>& notes, int count, const std::string& why) {
  if (count > 0)
    notes.push_back("truth: " + std::to_string(count) + (count == 1 ? " link" : " links") + " " +
                    why);
}

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

template <class Key>
Score compare(const std::set<Key>& found, const std::set<Key>& truth, std::int64_t possible) {
  Score score;
  for (const Key& key : found)
    ++(truth.contains(key) ? score.true_positives : score.false_positives);
  score.false_negatives = std::ssize(truth) - score.true_positives;
  score.true_negatives =
      possible - score.true_positives - score.false_positives - score.false_negatives;
  score.true_negatives = std::max<std::int64_t>(0, score.true_negatives);
  return score;
}

using Pair = std::pair<int, int>;
using Lagged = std::tuple<int, int, int>;

/// Links in three degrees of detail.
struct Found {
  std::set<Pair> linked;  ///< the smaller one first
  std::set<Pair> pairs;   ///< cause, effect
  std::set<Lagged> lagged;
};

/// The arrows of the CPDAG of a directed graph: those into its colliders a --> k <-- b, a and b not
/// linked, and what follows by Meek's rules.
std::set<Pair> arrows_of_class(const Found& truth, int variables) {
  kernels::MixedGraph graph(variables);
  for (const auto& [a, b] : truth.linked) graph.link(a, b);
  std::vector<std::vector<int>> parents(static_cast<std::size_t>(variables));
  for (const auto& [source, target] : truth.pairs)
    parents[static_cast<std::size_t>(target)].push_back(source);
  std::vector<kernels::MixedGraph::Arrow> arrows;
  for (int k = 0; k < variables; ++k)
    for (const int a : parents[static_cast<std::size_t>(k)])
      for (const int b : parents[static_cast<std::size_t>(k)])
        if (a != b && !graph.are_linked(a, b)) arrows.push_back({a, k});
  graph.orient(arrows);
  kernels::orient_by_rules(graph);
  std::set<Pair> found;
  for (const auto& [source, target] : truth.pairs)
    if (graph.mark(source, target) == kernels::Mark::directed) found.insert({source, target});
  return found;
}

std::optional<double> temporal_accuracy(const std::map<Pair, const Link*>& strongest,
                                        const std::set<Lagged>& truth) {
  std::set<Pair> lagged_pairs;
  for (const auto& [source, target, lag] : truth)
    if (lag > 0) lagged_pairs.insert({source, target});
  std::int64_t detected = 0;
  std::int64_t right = 0;
  for (const Pair& pair : lagged_pairs) {
    const auto best = strongest.find(pair);
    if (best == strongest.end()) continue;
    ++detected;
    if (truth.contains({pair.first, pair.second, best->second->lag})) ++right;
  }
  return ratio(right, detected);
}

}  // namespace

Result<Truth> read_truth(const std::string& path, const Table& table) {
  SOVREN_TRY(text_table, read_text_table(path));
  SOVREN_TRY(source_column, column_of(path, text_table, "source"));
  SOVREN_TRY(target_column, column_of(path, text_table, "target"));
  const auto lag_at = std::find(text_table.header.begin(), text_table.header.end(), "lag");
  Truth truth;
  truth.has_lags = lag_at != text_table.header.end();
  int unused = 0;
  int self = 0;
  for (const TextRow& row : text_table.rows) {
    const Place place{path, row};
    SOVREN_TRY(source,
               variable_of(place, table, row.cells[static_cast<std::size_t>(source_column)]));
    SOVREN_TRY(target,
               variable_of(place, table, row.cells[static_cast<std::size_t>(target_column)]));
    int lag = -1;
    if (truth.has_lags) {
      const auto column = static_cast<std::size_t>(lag_at - text_table.header.begin());
      SOVREN_TRY(stated, lag_of(place, row.cells[column]));
      lag = stated;
    }
    if (source < 0 || target < 0)
      ++unused;
    else if (source == target)
      ++self;
    else
      truth.links.push_back({source, target, lag});
  }
  note(truth.notes, unused, "of variables that are not used: not scored");
  note(truth.notes, self, "from a variable to itself: not scored");
  SOVREN_TRY(bytes, read_input(path));
  truth.sha256 = text::sha256_hex(bytes);
  return truth;
}

std::optional<double> Score::precision() const {
  return ratio(true_positives, true_positives + false_positives);
}
std::optional<double> Score::recall() const {
  return ratio(true_positives, true_positives + false_negatives);
}
std::optional<double> Score::f1() const {
  return ratio(2 * true_positives, 2 * true_positives + false_positives + false_negatives);
}
std::optional<double> Score::false_positive_rate() const {
  return ratio(false_positives, false_positives + true_negatives);
}
double Score::mcc() const {
  const auto tp = static_cast<double>(true_positives);
  const auto fp = static_cast<double>(false_positives);
  const auto fn = static_cast<double>(false_negatives);
  const auto tn = static_cast<double>(true_negatives);
  const double margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn);
  return margins > 0 ? (tp * tn - fp * fn) / std::sqrt(margins) : 0.0;
}

Scores score(const CausalGraph& graph, const Truth& truth) {
  const bool orients_lag0 = graph.spec.method != CausalSpec::Method::pcmci;
  const int lag_min = orients_lag0 ? graph.spec.min_lag : std::max(1, graph.spec.min_lag);
  const auto n = static_cast<std::int64_t>(graph.count());
  std::map<Pair, const Link*> strongest;
  Found found;
  for (const Link& link : graph.links) {
    if (link.is_self()) continue;
    found.linked.insert(std::minmax(link.source, link.target));
    if (!link.is_directed() || link.lag < lag_min) continue;
    const Pair pair{link.source, link.target};
    found.pairs.insert(pair);
    found.lagged.insert({link.source, link.target, link.lag});
    if (link.lag == 0) continue;
    const Link*& best = strongest[pair];
    if (best == nullptr || std::abs(link.value) > std::abs(best->value)) best = &link;
  }
  Found known;
  int untested = 0;
  int undirected = 0;
  for (const TrueLink& link : truth.links) {
    if (link.lag == 0 && graph.spec.min_lag > 0) {
      ++untested;
      continue;
    }
    known.linked.insert(std::minmax(link.source, link.target));
    if (link.lag == 0 && !orients_lag0) {
      ++undirected;
      continue;
    }
    known.pairs.insert({link.source, link.target});
    known.lagged.insert({link.source, link.target, link.lag});
  }
  Scores scores;
  note(scores.notes, untested, "at lag 0, which is not tested: not scored");
  note(scores.notes, undirected, "at lag 0: scored without direction, as the skeleton");
  scores.skeleton = compare(found.linked, known.linked, n * (n - 1) / 2);
  scores.without_lag = compare(found.pairs, known.pairs, n * (n - 1));
  if (graph.spec.method == CausalSpec::Method::pc)
    scores.arrows = compare(found.pairs, arrows_of_class(known, graph.count()), n * (n - 1));
  if (!truth.has_lags) return scores;
  const std::int64_t lags = graph.spec.max_lag - lag_min + 1;
  scores.with_lag = compare(found.lagged, known.lagged, n * (n - 1) * lags);
  scores.temporal_accuracy = temporal_accuracy(strongest, known.lagged);
  return scores;
}

}  // namespace sovren::jobs
