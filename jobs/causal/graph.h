// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/chains.h"
#include "jobs/causal/scores.h"
#include "jobs/causal/what_if.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

enum class LinkType : std::uint8_t {
  directed,    ///< source --> target
  undirected,  ///< source o-o target, lag 0: the data do not tell the direction
  conflict,    ///< source x-x target, lag 0: the data tell both directions
};
/// "-->", "o-o" or "x-x".
std::string_view text_of(LinkType type);

/// A link that the data show. Without direction, source is the variable that comes first.
struct Link {
  int source = 0;
  int target = 0;
  int lag = 0;
  double value = 0;  ///< what the test measures: a partial correlation given the conditions, ...
  double p_value = 1;
  double q_value = 1;
  LinkType type = LinkType::directed;
  std::optional<double> confidence;  ///< share of the bootstrap replicates with the same mark
  std::optional<double> value_low;   ///< of the replicates' values, 5th percentile
  std::optional<double> value_high;  ///< 95th

  bool is_directed() const { return type == LinkType::directed; }
  bool is_self() const { return source == target; }
};

/// The result of a causal analysis, before it takes the form of files.
///
/// Shape    value, p_value, q_value, mark, confidence: (source, target, lag), row-major, as
/// kernels::LinkTable has them.
struct CausalGraph {
  std::string title;
  std::vector<std::string> variables;
  int time_steps = 0;
  int samples = 0;  ///< rows in each test
  CausalSpec spec;
  std::vector<double> value;
  std::vector<double> p_value;
  std::vector<double> q_value;
  std::vector<kernels::Mark> mark;
  std::vector<double> confidence;  ///< share of replicates with this mark; empty: no bootstrap
  std::vector<Link> links;         ///< by source, target, lag
  std::optional<Chains> chains;
  std::optional<Scores> scores;
  std::optional<WhatIf> what_if;  ///< none: no linear model of such data
  std::vector<std::string> notes;

  int count() const { return static_cast<int>(variables.size()); }
  std::size_t index(int source, int target, int lag) const {
    const auto n = variables.size();
    return ((static_cast<std::size_t>(source) * n + static_cast<std::size_t>(target)) *
            (static_cast<std::size_t>(spec.max_lag) + 1)) +
           static_cast<std::size_t>(lag);
  }
};

/// Fills matrices and links of a graph whose variables and spec are set. Links are the marked
/// entries: of a pair at lag 0 the directed entry, or the one with source < target.
void set_links(CausalGraph& graph, const kernels::LinkTable& table);

/// Directed links between different variables with q <= alpha, at any lag: one arrow per pair, by
/// source and target.
std::vector<Arrow> arrows_of(const CausalGraph& graph);

/// The name of the method, of the test, of the FDR as the job file has it.
struct MethodNames {
  std::string method;
  std::string test;
  std::string fdr;
};
MethodNames names_of(const CausalSpec& spec);

/// SHA-256 of variables, matrices and links in one canonical layout: equal for equal results,
/// whatever a file format adds.
std::string content_digest(const CausalGraph& graph);

// The files of the result:
std::string graph_json(const CausalGraph& graph);
std::string graph_text(const CausalGraph& graph);
std::string graph_svg(const CausalGraph& graph);
std::string heatmap_svg(const CausalGraph& graph);
std::string graph_graphml(const CausalGraph& graph);
std::string graph_dot(const CausalGraph& graph);
Result<std::string> result_hdf5(const CausalGraph& graph);

}  // namespace sovren::jobs
