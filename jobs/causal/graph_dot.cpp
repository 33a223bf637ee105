// SPDX-License-Identifier: Apache-2.0
// graph.dot: the links between variables for Graphviz, one edge per link.
#include <algorithm>
#include <cmath>

#include "jobs/causal/colours.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"
#include "jobs/drawing/svg.h"

namespace sovren::jobs {

namespace {

/// For a quoted text of DOT. HTML entities are read in labels, so & is escaped too.
std::string in_quotes(const std::string& text) {
  std::string out;
  for (const char c : escaped(text)) {
    if (c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string ends_of(LinkType type) {
  switch (type) {
    case LinkType::directed:
      return "";
    case LinkType::undirected:
      return ", dir=both, arrowhead=odot, arrowtail=odot, style=dashed";
    case LinkType::conflict:
      return ", dir=both, arrowhead=tee, arrowtail=tee, style=dashed";
  }
  return "";
}

std::string edge_to_dot(const CausalGraph& graph, const Link& link, double end) {
  const double strength = link.value / end;
  std::string tip = name_of(graph, link.source) + " " + std::string(text_of(link.type)) + " " +
                    name_of(graph, link.target) + ", lag " + std::to_string(link.lag) + ": value " +
                    shortest(link.value) + ", p " + shortest(link.p_value) + ", q " +
                    shortest(link.q_value);
  if (link.confidence) tip += ", confidence " + shortest(*link.confidence);
  return "  n" + std::to_string(link.source) + " -> n" + std::to_string(link.target) +
         " [label=\"" + std::to_string(link.lag) + "\", color=\"" +
         hex(colour_of(link_scale, strength)) +
         "\", penwidth=" + formatted("%.2f", 1 + 3 * std::min(1.0, std::abs(strength))) +
         ends_of(link.type) + ", tooltip=\"" + in_quotes(tip) + "\"];\n";
}

}  // namespace

std::string graph_dot(const CausalGraph& graph) {
  double strongest = 0;
  for (const Link& link : graph.links)
    if (!link.is_self()) strongest = std::max(strongest, std::abs(link.value));
  const double end = scale_end(strongest);
  std::string dot = "digraph causal {\n  graph [rankdir=LR, labelloc=t, label=\"" +
                    in_quotes(graph.title) + "\\n" + in_quotes(setting_line(graph)) + "\"];\n" +
                    "  graph [fontname=\"Helvetica\"];\n  node [fontname=\"Helvetica\"];\n" +
                    "  edge [fontname=\"Helvetica\", fontsize=10];\n";
  for (int variable = 0; variable < graph.count(); ++variable)
    dot += "  n" + std::to_string(variable) + " [label=\"" + in_quotes(name_of(graph, variable)) +
           "\"];\n";
  for (const Link& link : graph.links)
    if (!link.is_self()) dot += edge_to_dot(graph, link, end);
  return dot + "}\n";
}

}  // namespace sovren::jobs
