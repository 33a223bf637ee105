// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/outcome.h"

#include <cmath>

#include "jobs/causal/result_files.h"

namespace sovren::jobs {

namespace {

/// Each link gets the confidence of its entry and the interval of its value.
void set_confidence(CausalGraph& graph, const Confidence& confidence) {
  graph.confidence = confidence.same_mark;
  std::vector<double> low(graph.mark.size()), high(graph.mark.size());
  std::size_t next = 0;  // of the entries that bear a mark
  for (std::size_t at = 0; at < graph.mark.size(); ++at)
    if (graph.mark[at] != kernels::Mark::none) {
      low[at] = confidence.value_low[next];
      high[at] = confidence.value_high[next++];
    }
  for (Link& link : graph.links) {
    const std::size_t at = graph.index(link.source, link.target, link.lag);
    link.confidence = graph.confidence[at];
    link.value_low = low[at];
    link.value_high = high[at];
  }
}

void note_counts(CausalGraph& graph, const kernels::TestCounts& counts) {
  const auto note = [&](std::int64_t number, const std::string& what) {
    if (number > 0)
      graph.notes.push_back(std::to_string(number) + " of " + std::to_string(counts.tests) +
                            " tests " + what);
  };
  note(counts.determined, "had a variable that the conditions determine exactly (value 0, p 1)");
  note(counts.too_few_samples, "had more conditions than samples and say nothing (p 1)");
  note(counts.by_qr, "were ill-conditioned and computed by QR from the data");
}

/// Lag 0 is outside the false discovery rate: say what chance alone brings, where that is a lot.
void note_same_time_links(CausalGraph& graph) {
  if (graph.spec.method != CausalSpec::Method::pcmci || graph.spec.fdr == CausalSpec::Fdr::none ||
      graph.spec.min_lag > 0)
    return;
  const std::int64_t pairs = std::int64_t{graph.count()} * (graph.count() - 1) / 2;
  const auto expected = std::llround(graph.spec.alpha * static_cast<double>(pairs));
  if (expected >= 1)
    graph.notes.push_back("links at lag 0 are judged by p alone: of " + std::to_string(pairs) +
                          " pairs about " + std::to_string(expected) + " pass by chance");
}

void note_chains(CausalGraph& graph) {
  if (graph.chains && !graph.chains->is_exact)
    graph.notes.push_back(
        "the chain depth is an upper bound: more than " + std::to_string(circle_max) +
        " variables drive one another in circles; a chain of " +
        std::to_string(graph.chains->longest.front().size() - 1) + " links was found");
}

std::map<std::string, double> metrics_of(const CausalGraph& graph, const Findings& findings) {
  std::map<std::string, double> metrics;
  metrics["causal_tests"] = static_cast<double>(findings.counts.tests);
  metrics["causal_links"] = static_cast<double>(graph.links.size());
  metrics["causal_conditioning_level"] = findings.conditioning_level;
  if (graph.chains) metrics["causal_chain_depth"] = graph.chains->depth;
  if (graph.what_if && graph.what_if->coverage)
    metrics["prediction_confidence"] = graph.what_if->coverage->share;
  if (!graph.scores) return metrics;
  const Scores& scores = *graph.scores;
  if (const auto f1 = scores.main().f1()) metrics["causal_f1"] = *f1;
  if (scores.temporal_accuracy) metrics["temporal_accuracy"] = *scores.temporal_accuracy;
  return metrics;
}

/// Rows of pc are samples in no order: only what is asked for is worked out.
bool wants_model(const CausalSpec& spec) {
  return has_model(spec) && (spec.method != CausalSpec::Method::pc || !spec.effects.empty() ||
                             !spec.interventions.empty());
}

}  // namespace

Result<Outcome> make_outcome(const std::string& title, const CausalSpec& spec, const Inputs& inputs,
                             const std::vector<std::string>& warnings, const Findings& findings) {
  CausalGraph graph;
  graph.title = title;
  graph.variables = inputs.table.names;
  graph.time_steps = inputs.table.rows;
  graph.samples = findings.samples;
  graph.spec = spec;
  set_links(graph, findings.links);
  if (findings.confidence != nullptr) set_confidence(graph, *findings.confidence);
  if (spec.chain_depth) graph.chains = find_chains(graph.count(), arrows_of(graph));
  graph.notes = warnings;
  if (inputs.truth) {
    graph.scores = score(graph, *inputs.truth);
    for (const auto& notes : {inputs.truth->notes, graph.scores->notes})
      graph.notes.insert(graph.notes.end(), notes.begin(), notes.end());
  }
  if (wants_model(spec)) {
    graph.what_if = what_if(spec, inputs, findings.links);
    const std::vector<std::string>& notes = graph.what_if->notes;
    graph.notes.insert(graph.notes.end(), notes.begin(), notes.end());
  }
  note_counts(graph, findings.counts);
  note_same_time_links(graph);
  note_chains(graph);

  Outcome outcome;
  SOVREN_TRY(files, result_files(graph, inputs.table));
  outcome.files = std::move(files);
  outcome.digest = content_digest(graph);
  outcome.metrics = metrics_of(graph, findings);
  return outcome;
}

}  // namespace sovren::jobs
