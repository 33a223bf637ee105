// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/chains.h"
#include "jobs/causal/scores.h"

namespace sovren::jobs {

/// A link that the data show. lag 0: without direction, source is the variable that comes first.
struct Link {
  int source = 0;
  int target = 0;
  int lag = 0;
  double value = 0;  ///< partial correlation given the parents of both sides
  double p_value = 1;
  double q_value = 1;

  bool is_directed() const { return lag > 0; }
  bool is_self() const { return source == target; }
};

/// What the tests found: for each target the values of its possible causes.
///
/// Shape    value, p_value: (target, source, lag), lag 0 .. max_lag, row-major: rows of mci_row.
struct TestedLinks {
  int variables = 0;
  int min_lag = 0;
  int max_lag = 0;
  std::vector<double> value;
  std::vector<double> p_value;
};

/// The result of a causal analysis, before it takes the form of files.
///
/// Shape    value, p_value, q_value: (source, target, lag), row-major. Lag 0 is symmetric: of both
/// directions the larger p with its value stands in both. Not tested: value 0, p 1, q 1.
struct CausalGraph {
  std::string title;
  std::vector<std::string> variables;
  int time_steps = 0;
  int samples = 0;  ///< rows in each test
  CausalSpec spec;
  std::vector<double> value;
  std::vector<double> p_value;
  std::vector<double> q_value;
  std::vector<Link> links;  ///< by source, target, lag
  std::optional<Chains> chains;
  std::optional<Scores> scores;
  std::vector<std::string> notes;

  int count() const { return static_cast<int>(variables.size()); }
  std::size_t index(int source, int target, int lag) const {
    const auto n = variables.size();
    return ((static_cast<std::size_t>(source) * n + static_cast<std::size_t>(target)) *
            (static_cast<std::size_t>(spec.max_lag) + 1)) +
           static_cast<std::size_t>(lag);
  }
};

/// Fills matrices and links of a graph whose variables and spec are set: symmetrises lag 0, adjusts
/// the p-values of lagged links, keeps links with q <= alpha.
void set_links(CausalGraph& graph, const TestedLinks& tested);

/// Arrows between different variables at lags of 1 or more, one per pair, by source and target.
std::vector<Arrow> arrows_of(const CausalGraph& graph);

/// SHA-256 of variables, matrices and links in one canonical layout: equal for equal results,
/// whatever a file format adds.
std::string content_digest(const CausalGraph& graph);

// The files of the result:
std::string graph_json(const CausalGraph& graph);
std::string graph_text(const CausalGraph& graph);
std::string graph_svg(const CausalGraph& graph);
Result<std::string> result_hdf5(const CausalGraph& graph);

}  // namespace sovren::jobs
