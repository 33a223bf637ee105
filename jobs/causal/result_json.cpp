// SPDX-License-Identifier: Apache-2.0
// graph.json, schema sovren.causal_graph/1 (docs/formats.md, "Result of causal-analysis").
#include "core/text/json.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/what_if_json.h"

namespace sovren::jobs {

namespace {

using text::Json;

Json number_or_null(const std::optional<double>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json to_json(const Score& score) {
  return {{"precision", number_or_null(score.precision())},
          {"recall", number_or_null(score.recall())},
          {"f1", number_or_null(score.f1())},
          {"mcc", score.mcc()},
          {"fpr", number_or_null(score.false_positive_rate())},
          {"true_positives", score.true_positives},
          {"false_positives", score.false_positives},
          {"false_negatives", score.false_negatives},
          {"true_negatives", score.true_negatives}};
}

Json to_json(const Scores& scores) {
  Json json = to_json(scores.main());
  json["temporal_accuracy"] = number_or_null(scores.temporal_accuracy);
  json["with_lag"] = scores.with_lag ? to_json(*scores.with_lag) : Json(nullptr);
  json["without_lag"] = to_json(scores.without_lag);
  json["skeleton"] = to_json(scores.skeleton);
  json["arrows"] = scores.arrows ? to_json(*scores.arrows) : Json(nullptr);
  return json;
}

Json link_to_json(const CausalGraph& graph, const Link& link) {
  return {{"source", graph.variables[static_cast<std::size_t>(link.source)]},
          {"target", graph.variables[static_cast<std::size_t>(link.target)]},
          {"lag", link.lag},
          {"value", link.value},
          {"p_value", link.p_value},
          {"q_value", link.q_value},
          {"type", text_of(link.type)},
          {"confidence", number_or_null(link.confidence)},
          {"value_low", number_or_null(link.value_low)},
          {"value_high", number_or_null(link.value_high)}};
}

Json chains_to_json(const CausalGraph& graph) {
  Json chains = Json::array();
  if (!graph.chains) return chains;
  for (const std::vector<int>& chain : graph.chains->longest) {
    Json names = Json::array();
    for (const int variable : chain)
      names.push_back(graph.variables[static_cast<std::size_t>(variable)]);
    chains.push_back(std::move(names));
  }
  return chains;
}

Json settings_to_json(const CausalGraph& graph) {
  const CausalSpec& spec = graph.spec;
  const MethodNames names = names_of(spec);
  return {{"method", names.method},
          {"test", names.test},
          {"min_lag", spec.min_lag},
          {"max_lag", spec.max_lag},
          {"pc_alpha", selection_levels(spec)},
          {"alpha", spec.alpha},
          {"fdr", names.fdr},
          {"time_steps", graph.time_steps},
          {"samples", graph.samples}};
}

}  // namespace

std::string graph_json(const CausalGraph& graph) {
  Json links = Json::array();
  for (const Link& link : graph.links) links.push_back(link_to_json(graph, link));
  Json json = {{"schema", "sovren.causal_graph/1"},
               {"variables", graph.variables},
               {"links", std::move(links)},
               {"chains", chains_to_json(graph)},
               {"chain_depth", graph.chains ? Json(graph.chains->depth) : Json(nullptr)},
               {"chain_depth_exact", graph.chains ? Json(graph.chains->is_exact) : Json(nullptr)},
               {"scores", graph.scores ? to_json(*graph.scores) : Json(nullptr)},
               {"notes", graph.notes},
               {"settings", settings_to_json(graph)}};
  if (graph.what_if) json.update(what_if_json(*graph.what_if, graph.variables, graph.time_steps));
  return text::dump_json(json, 1) + "\n";
}

}  // namespace sovren::jobs
