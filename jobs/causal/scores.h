// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "jobs/causal/table.h"

namespace sovren::jobs {

struct CausalGraph;

/// A link that is known to be there.
struct TrueLink {
  int source = 0;
  int target = 0;
  int lag = 0;  ///< -1: the truth does not say
};

/// What is known of the true graph: links between different variables.
struct Truth {
  bool has_lags = false;
  std::vector<TrueLink> links;
  std::vector<std::string> notes;  ///< what was left out, and why
  std::string sha256;
};

/// Reads a csv with the columns source, target and optionally lag; others are ignored.
///
/// Errors   input_missing; data_invalid: unknown variable, no such column, a lag that is no whole
/// number.
Result<Truth> read_truth(const std::string& path, const Table& table);

/// How well a set of findings meets the truth. Nothing: not defined (0 / 0).
struct Score {
  std::int64_t true_positives = 0;
  std::int64_t false_positives = 0;
  std::int64_t false_negatives = 0;
  std::int64_t true_negatives = 0;

  std::optional<double> precision() const;
  std::optional<double> recall() const;
  std::optional<double> f1() const;
  std::optional<double> false_positive_rate() const;
  /// Matthews correlation; 0 when a margin is empty.
  double mcc() const;
};

/// Scores over links between different variables.
///
/// Model    with_lag and without_lag ask for the direction: a link is found when it is directed and
/// runs from the true cause to the true effect. A link without direction (o-o, x-x) claims none, so
/// it is neither right nor false there, and a true link that has only such a one is not found.
/// PCMCI does not tell directions at lag 0: there links and truth count at lags of 1 or more only.
struct Scores {
  std::optional<Score> with_lag;  ///< (source, target, lag) has to be right; if the truth has lags
  Score without_lag;              ///< (source, target) has to be right
  /// Which pairs of variables are linked at all, either way, at any lag that was tested. Any type.
  Score skeleton;
  /// Method pc: (source, target) has to be right among the arrows that every graph with the truth's
  /// independences shares (its CPDAG): what data can tell at all.
  std::optional<Score> arrows;
  /// Of the true pairs at lags of 1 or more that were found at such a lag, the share whose
  /// strongest lag is a true one.
  std::optional<double> temporal_accuracy;
  std::vector<std::string> notes;  ///< what was left out, and why

  const Score& main() const { return with_lag ? *with_lag : without_lag; }
};

Scores score(const CausalGraph& graph, const Truth& truth);

}  // namespace sovren::jobs
