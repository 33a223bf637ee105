// SPDX-License-Identifier: Apache-2.0
// graph.graphml: GraphML 1.0 for networkx, Gephi, yEd, igraph, Cytoscape. Every edge is a directed
// one to them: mixed graphs are what several of them refuse; "type" says what it is.
#include <array>
#include <cmath>
#include <optional>

#include "jobs/causal/graph.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

struct Key {
  const char* id;
  const char* of;
  const char* type;
};
constexpr std::array<Key, 12> keys{{{"label", "node", "string"},
                                    {"memory", "node", "double"},
                                    {"lag", "edge", "int"},
                                    {"value", "edge", "double"},
                                    {"weight", "edge", "double"},
                                    {"p", "edge", "double"},
                                    {"q", "edge", "double"},
                                    {"type", "edge", "string"},
                                    {"confidence", "edge", "double"},
                                    {"value_low", "edge", "double"},
                                    {"value_high", "edge", "double"},
                                    {"method", "graph", "string"}}};

std::string data(const char* key, const std::string& text) {
  return std::string("<data key=\"") + key + "\">" + text + "</data>";
}

std::string data(const char* key, const std::optional<double>& value) {
  return value ? data(key, shortest(*value)) : "";
}

std::string node_to_xml(const CausalGraph& graph, int variable) {
  std::optional<double> memory;
  for (const Link& link : graph.links)
    if (link.is_self() && link.source == variable &&
        (!memory || std::abs(link.value) > std::abs(*memory)))
      memory = link.value;
  return "<node id=\"n" + std::to_string(variable) + "\">" +
         data("label", escaped(graph.variables[static_cast<std::size_t>(variable)])) +
         data("memory", memory) + "</node>\n";
}

std::string edge_to_xml(const Link& link, std::size_t number) {
  return "<edge id=\"e" + std::to_string(number) + "\" source=\"n" + std::to_string(link.source) +
         "\" target=\"n" + std::to_string(link.target) + "\">" +
         data("lag", std::to_string(link.lag)) + data("value", link.value) +
         data("weight", std::abs(link.value)) + data("p", link.p_value) + data("q", link.q_value) +
         data("type", escaped(text_of(link.type))) + data("confidence", link.confidence) +
         data("value_low", link.value_low) + data("value_high", link.value_high) + "</edge>\n";
}

}  // namespace

std::string graph_graphml(const CausalGraph& graph) {
  std::string xml =
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n";
  for (const Key& key : keys)
    xml += std::string("<key id=\"") + key.id + "\" for=\"" + key.of + "\" attr.name=\"" + key.id +
           "\" attr.type=\"" + key.type + "\"/>\n";
  xml += "<graph id=\"causal\" edgedefault=\"directed\">\n" +
         data("method", names_of(graph.spec).method) + "\n";
  for (int variable = 0; variable < graph.count(); ++variable) xml += node_to_xml(graph, variable);
  for (std::size_t k = 0; k < graph.links.size(); ++k) xml += edge_to_xml(graph.links[k], k);
  return xml + "</graph>\n</graphml>\n";
}

}  // namespace sovren::jobs
