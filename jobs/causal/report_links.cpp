// SPDX-License-Identifier: Apache-2.0
// The tables of report.html: links, and the part of each variable.
#include <algorithm>
#include <cmath>
#include <set>

#include "jobs/causal/report.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

constexpr std::size_t variables_reported_max = 300;

/// A cell whose column is sorted by the number, however it is shown.
std::string number_cell(double value, const std::string& shown) {
  return "<td class=\"n\" data-v=\"" + shortest(value) + "\">" + shown + "</td>";
}

/// From the middle to the right or the left; from the left edge where values have no sign.
std::string bar(double share, bool is_signed) {
  const double width = std::min(1.0, std::abs(share)) * (is_signed ? 50 : 100);
  const double left = !is_signed ? 0 : share < 0 ? 50 - width : 50;
  return std::string("<span class=\"bar\"><i class=\"") + (share < 0 ? "down" : "up") +
         "\" style=\"left:" + formatted("%.1f", left) + "%;width:" + formatted("%.1f", width) +
         "%\"></i></span>";
}

/// Which columns there are, and the end of the bars.
struct LinkTableStyle {
  bool has_lags = false;
  bool has_confidence = false;
  bool is_signed = false;
  double strongest = 1e-300;
  std::set<std::pair<int, int>> chain;  ///< its steps
};

std::string link_row(const CausalGraph& graph, const Link& link, const LinkTableStyle& style) {
  const bool is_chained = link.is_directed() && style.chain.contains({link.source, link.target});
  std::string row = "<tr";
  if (is_chained) row += " class=\"chained\"";
  if (link.is_self()) row += " data-own=\"1\"";
  row += "><td class=\"name\">" + escaped(name_of(graph, link.source)) +
         "</td><td class=\"mark\">" + escaped(text_of(link.type)) + "</td><td class=\"name\">" +
         escaped(name_of(graph, link.target)) + "</td>";
  if (style.has_lags) row += number_cell(link.lag, std::to_string(link.lag));
  row += "<td class=\"n\" data-v=\"" + shortest(std::abs(link.value)) + "\">" +
         bar(link.value / style.strongest, style.is_signed) +
         formatted(style.is_signed ? "%+.3f" : "%.3f", link.value) + "</td>";
  row += number_cell(link.p_value, probability(link.p_value)) +
         number_cell(link.q_value, probability(link.q_value));
  if (style.has_confidence) {
    const double confidence = link.confidence.value_or(0);
    row += number_cell(confidence, link.confidence ? formatted("%.0f %%", 100 * confidence) : "");
    row += "<td class=\"n\">";
    if (link.value_low && link.value_high)
      row += formatted("%.3f", *link.value_low) + " to " + formatted("%.3f", *link.value_high);
    row += "</td>";
  }
  return row + "</tr>\n";
}

std::string head_of(const LinkTableStyle& style, const CausalSpec& spec) {
  std::string head = "<thead><tr><th>cause</th><th>type</th><th>effect</th>";
  if (style.has_lags) head += "<th class=\"n\">lag</th>";
  head += "<th class=\"n\" data-first=\"descending\">" + escaped(strength_title(spec)) +
          "</th><th class=\"n\">p</th><th class=\"n\">q</th>";
  if (style.has_confidence)
    head +=
        "<th class=\"n\" data-first=\"descending\">confidence</th>"
        "<th class=\"n\">5–95 % of replicates</th>";
  return head + "</tr></thead>\n";
}

std::string table_hint(const CausalGraph& graph, const LinkTableStyle& style) {
  const bool is_adjusted = style.has_lags && graph.spec.fdr == CausalSpec::Fdr::bh;
  std::string hint =
      "<p class=\"hint\"><code>--&gt;</code> cause to effect, <code>o-o</code> direction not "
      "known, "
      "<code>x-x</code> directions contradict. p: probability of so strong a value by chance; q: ";
  hint += is_adjusted ? "p adjusted for the number of links tested, at lag 1 and more."
                      : "here the same as p.";
  if (style.has_confidence)
    hint += " Confidence: share of the bootstrap replicates in which the link is the same.";
  if (!style.chain.empty()) hint += " Gold: links of the longest chain.";
  return hint + " All links are in graph.json, all tests in result.h5.</p>\n";
}

/// The links that leave or reach each variable.
struct Part {
  std::set<int> drives;
  std::set<int> driven_by;
  const Link* memory = nullptr;  ///< strongest link to its own past
};

std::vector<Part> parts_of(const CausalGraph& graph) {
  std::vector<Part> parts(graph.variables.size());
  for (const Link& link : graph.links) {
    Part& source = parts[static_cast<std::size_t>(link.source)];
    if (link.is_self()) {
      if (source.memory == nullptr || std::abs(link.value) > std::abs(source.memory->value))
        source.memory = &link;
    } else if (link.is_directed()) {
      source.drives.insert(link.target);
      parts[static_cast<std::size_t>(link.target)].driven_by.insert(link.source);
    }
  }
  return parts;
}

std::string variable_row(const CausalGraph& graph, int variable, const Part& part) {
  std::string row = "<tr><td class=\"name\">" + escaped(name_of(graph, variable)) +
                    "</td><td class=\"n\">" + std::to_string(part.drives.size()) +
                    "</td><td class=\"n\">" + std::to_string(part.driven_by.size()) + "</td>";
  if (!is_iid(graph.spec)) {
    row += "<td class=\"n\">";
    if (part.memory != nullptr)
      row += formatted("%+.3f", part.memory->value) + " (lag " + std::to_string(part.memory->lag) +
             ")";
    row += "</td>";
  }
  if (graph.what_if) {
    const auto at = static_cast<std::size_t>(variable);
    const Influence& influence = graph.what_if->influences[at];
    row += "<td class=\"n\">" + formatted("%.3f", influence.causing) + "</td><td class=\"n\">" +
           formatted("%.3f", influence.receiving) + "</td><td class=\"n\">" +
           formatted("%.3f", influence.mediating) + "</td><td class=\"n\">" +
           formatted("%.0f %%", 100 * graph.what_if->equations[at].explained) + "</td>";
  }
  return row + "</tr>\n";
}

}  // namespace

std::string report_links(const CausalGraph& graph) {
  std::vector<Link> links = by_strength(graph, false);
  const std::vector<Link> own = by_strength(graph, true);
  links.insert(links.end(), own.begin(), own.end());
  if (links.empty()) return section("links", "Links", "<p>There are none at this level.</p>\n");
  LinkTableStyle style{.has_lags = !is_iid(graph.spec), .is_signed = has_sign(graph.spec)};
  for (const Link& link : links) style.strongest = std::max(style.strongest, std::abs(link.value));
  const std::vector<int> chain = shown_chain(graph);
  for (std::size_t k = 1; k < chain.size(); ++k) style.chain.insert({chain[k - 1], chain[k]});
  style.has_confidence =
      std::ranges::any_of(links, [](const Link& link) { return link.confidence.has_value(); });
  const std::size_t shown = std::min(links.size(), links_reported_max);
  std::string text =
      "<div class=\"controls\"><input id=\"find\" type=\"search\" placeholder=\"Filter by name, "
      "type, lag\" aria-label=\"Filter links\">";
  if (!own.empty())
    text +=
        "<label><input id=\"own\" type=\"checkbox\" checked> with links of variables to their "
        "own past</label>";
  text += "<span id=\"shown\" class=\"hint\"></span></div>\n";
  if (shown < links.size())
    text += "<p>The " + std::to_string(shown) + " strongest of " + std::to_string(links.size()) +
            " links, those between variables first; the others are in graph.json.</p>\n";
  text +=
      "<div class=\"scroll\"><table id=\"link-table\">" + head_of(style, graph.spec) + "<tbody>\n";
  for (std::size_t k = 0; k < shown; ++k) text += link_row(graph, links[k], style);
  return section("links", "Links", text + "</tbody></table></div>\n" + table_hint(graph, style));
}

std::string report_variables(const CausalGraph& graph) {
  const std::vector<Part> parts = parts_of(graph);
  std::vector<int> order;
  for (int variable = 0; variable < graph.count(); ++variable) order.push_back(variable);
  const auto weight = [&](int variable) {
    const auto at = static_cast<std::size_t>(variable);
    return graph.what_if ? graph.what_if->influences[at].causing
                         : static_cast<double>(parts[at].drives.size());
  };
  std::ranges::stable_sort(order, [&](int a, int b) { return weight(a) > weight(b); });
  std::string head =
      "<thead><tr><th>variable</th><th class=\"n\">drives</th><th class=\"n\">driven by</th>";
  if (!is_iid(graph.spec)) head += "<th class=\"n\">own past</th>";
  if (graph.what_if)
    head +=
        "<th class=\"n\">effect on others</th><th class=\"n\">effect of others</th>"
        "<th class=\"n\">passes on</th><th class=\"n\">explained</th>";
  std::string text;
  const std::size_t shown = std::min(order.size(), variables_reported_max);
  if (shown < order.size())
    text += "<p>The first " + std::to_string(shown) + " of " + std::to_string(order.size()) +
            " variables.</p>\n";
  text += "<div class=\"scroll\"><table>" + head + "</tr></thead>\n<tbody>\n";
  for (std::size_t k = 0; k < shown; ++k)
    text += variable_row(graph, order[k], parts[static_cast<std::size_t>(order[k])]);
  text +=
      "</tbody></table></div>\n<p class=\"hint\">Drives, driven by: variables at the other end "
      "of arrows.";
  if (graph.what_if)
    text +=
        " Effect on others (ACE), effect of others (ACS), passes on (AMCE): means of the strongest "
        "standardised effects over the other variables. Explained: share of the variance that the "
        "linear model on the graph accounts for.";
  return section("variables", "Variables", text + "</p>\n");
}

}  // namespace sovren::jobs
