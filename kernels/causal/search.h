// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "kernels/causal/knowledge.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// What stands between two lagged variables: source(t - lag) and target(t).
enum class Mark : std::uint8_t {
  none,
  directed,    ///< source --> target
  reversed,    ///< source <-- target, at lag 0 only: the other entry of a directed pair
  undirected,  ///< source o-o target: the data do not tell the direction
  conflict,    ///< source x-x target: the data tell both directions
};

/// The same as seen from the target.
constexpr Mark mirrored(Mark mark) {
  if (mark == Mark::directed) return Mark::reversed;
  if (mark == Mark::reversed) return Mark::directed;
  return mark;
}

/// What a search found.
///
/// Shape    (source, target, lag) row-major, lag 0 .. max_lag. Not tested: value 0, p 1, q 1, none.
///          Lag 0: both entries of a pair have the same value, p and q, and marks that fit.
struct LinkTable {
  int variables = 0;
  int min_lag = 0;
  int max_lag = 0;
  std::vector<double> value;
  std::vector<double> p_value;
  std::vector<double> q_value;
  std::vector<Mark> mark;

  LinkTable() = default;
  LinkTable(int variables, int min_lag, int max_lag);
  std::size_t index(int source, int target, int lag) const {
    const auto n = static_cast<std::size_t>(variables);
    return (static_cast<std::size_t>(source) * n + static_cast<std::size_t>(target)) *
               (static_cast<std::size_t>(max_lag) + 1) +
           static_cast<std::size_t>(lag);
  }
};

/// How to search; each method reads what it names.
struct SearchOptions {
  int min_lag = 0;
  int max_lag = 0;  ///< 0: i.i.d. data
  /// Level of the tests that select: PC1 (several: AIC chooses), PCMCI+ and PC (the first).
  std::vector<double> pc_alphas{0.05};
  double alpha = 0.05;  ///< PCMCI: a link is marked when its q is at most this
  bool has_fdr = true;  ///< q by Benjamini and Hochberg over lagged links; otherwise q = p
  int max_conditions = std::numeric_limits<int>::max();  ///< largest set of conditions tried
  int max_parents = std::numeric_limits<int>::max();     ///< MCI: of each side
  Knowledge knowledge;
};

/// What one unit of work found: numbers, whose meaning is the search's own, and its tests.
struct UnitResult {
  std::vector<std::int64_t> whole;
  std::vector<double> real;
  TestCounts counts;
  bool operator==(const UnitResult&) const = default;
};

/// A causal search as rounds of units of work that do not depend on one another: targets, pairs of
/// variables, triples. Any rank, thread or device may run any unit; close() then takes the results
/// of the round in the order of the units and makes the next round.
///
/// Laws     run() is a pure function of the results that close() has been given and of the unit,
///          bit for bit. So a search is restored by closing the rounds of an earlier one again, and
///          its result depends on no number of ranks.
/// Threads  run() is re-entrant. The TestSource outlives the search.
/// Cost     close() is short against the round.
class Search {
 public:
  virtual ~Search() = default;

  /// What the round does, for people: "condition selection", "skeleton, 2 conditions".
  virtual std::string phase() const = 0;
  /// Of this round; 0 when the search is done, and at least 1 before.
  virtual int units() const = 0;
  /// Seconds of one unit on one core, roughly: work is shared out and cut into steps by it.
  virtual double cost_s(int unit) const = 0;
  virtual UnitResult run(int unit) const = 0;
  /// Several units of the round; out has one place for each. A source with a device (batches())
  /// runs them there as one batch: decisions are those of run(), values differ by 1e-12, so a job
  /// calls one of the two only. The default calls run().
  virtual void run_batch(std::span<const int> units, std::span<UnitResult> out) const;
  /// Is run_batch() a device's work in this round? If not, threads share the units by run().
  virtual bool takes_batches() const { return false; }
  virtual void close(std::span<const UnitResult> results) = 0;
  bool is_done() const { return units() == 0; }

  /// Share of the whole that is done before this round, and after it, as well as is known: 0 to 1.
  virtual double fraction() const = 0;
  virtual double fraction_after() const = 0;
  /// The largest set of conditions of any test so far.
  virtual int conditioning_level() const = 0;
  /// The graph as far as it is known; whole once the search is done.
  virtual const LinkTable& links() const = 0;
};

/// The whole search on this thread.
const LinkTable& run_search(Search& search);

}  // namespace sovren::kernels
