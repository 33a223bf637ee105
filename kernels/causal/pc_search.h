// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/causal/fisher_z.h"
#include "kernels/causal/mixed_graph.h"
#include "kernels/causal/search.h"

namespace sovren::kernels {

/// PC-stable: the equivalence class of causal graphs of data without time order.
///
/// Model    nodes are the variables at lag 0. A round is a level l = 0, 1, ... and a unit some of
///          the pairs i < j that are still linked. With the neighbours a() as the level began, a
///          pair is tested given the l-subsets of a(i) without j, in lexicographic order, then
///          those of a(j) without i which are not among the former; the first test whose p-value
///          exceeds the level ends it: the pair is unlinked, and the set is its separating set. So
///          the set is the least of them in this order, whoever tests. Then i --> k <-- j for every
///          unshielded triple whose k is in no separating set of i, j, and the rules of Meek
///          (mixed_graph.h). A correlation is judged by Fisher's z (fisher_z.h).
/// Result   marks at lag 0. Value and p are of the test with the largest p-value: of a pair that
/// was
///          unlinked, the separating one. q is p.
/// Laws     links do not depend on the order of the variables; separating sets, and with them the
///          directions, may.
/// Reads    of SearchOptions: the first pc_alpha, max_conditions, knowledge at lag 0. A triple
/// whose
///          ends cannot be linked by what is known tells no direction. Levels also end where m - l
///          - 3 samples are left to a test: fewer than 1.
/// Memory   8 N^2 bytes for correlations beside the LinkTable, and 8 for each pair of the level.
/// Source   Colombo and Maathuis, Order-independent constraint-based causal structure learning,
/// JMLR
///          15 (2014).
/// Differs  from pcalg: a set of conditions is tested once even if it belongs to both sides.
class PcSearch : public Search {
 public:
  PcSearch(const TestSource& source, SearchOptions options);

  std::string phase() const override;
  int units() const override { return static_cast<int>(round_.cost_s.size()); }
  double cost_s(int unit) const override { return round_.cost_s[static_cast<std::size_t>(unit)]; }
  UnitResult run(int unit) const override;
  void run_batch(std::span<const int> units, std::span<UnitResult> out) const override;
  bool takes_batches() const override;
  void close(std::span<const UnitResult> results) override;
  double fraction() const override { return fraction_; }
  double fraction_after() const override { return fraction_after_; }
  int conditioning_level() const override { return tested_level_; }
  const LinkTable& links() const override { return links_; }

  /// Given what i and j were found independent, rising; nullopt: they are linked, or not tested.
  std::optional<std::vector<int>> separating_set(int i, int j) const;

 private:
  struct Pair {
    int i, j;
  };
  struct Round {
    int level = 0;
    std::vector<Pair> pairs;
    std::vector<std::size_t> begin;  ///< (units + 1) of a unit's pairs
    std::vector<double> cost_s;      ///< (units)
  };
  class Tester;
  class Batch;

  double test_s(int level) const;
  double tests_of(Pair pair, int level) const;
  bool is_kept(Pair pair) const;
  void note(Pair pair, double value, double p_value);
  void unlink(std::span<const Pair> separated);
  void start_first_round();
  void start_round(int level);
  void share_out(std::span<const double> tests);
  MixedGraph skeleton() const;
  void orient();

  const TestSource& source_;
  SearchOptions options_;
  double alpha_;
  FisherZ judge_;
  std::vector<double> matrix_;                ///< correlations; empty: each test by the source
  std::vector<std::vector<int>> neighbours_;  ///< as the level began, rising; from level 1 on
  Round round_;
  std::map<std::pair<int, int>, std::vector<int>> sets_;  ///< i < j; those that are not empty
  LinkTable links_;
  int tested_level_ = 0;
  double fraction_ = 0;
  double fraction_after_ = 1;
};

std::unique_ptr<Search> make_pc(const TestSource& source, const SearchOptions& options);

}  // namespace sovren::kernels
