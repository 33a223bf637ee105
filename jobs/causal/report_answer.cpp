// SPDX-License-Identifier: Apache-2.0
// The first section of report.html: the answer in words, and what it rests on.
#include <algorithm>
#include <cmath>
#include <map>

#include "jobs/causal/report.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

std::string bold(const std::string& name) {
  return "<b>" + escaped(name) + "</b>";
}

std::string plain(const std::string& name) {
  return escaped(name);
}

/// "a, b and c", at most five of them, then how many more.
template <class Show>
std::string listed(const CausalGraph& graph, const std::vector<int>& variables, Show show) {
  constexpr std::size_t named_max = 5;
  const std::size_t named = variables.size() <= named_max + 1 ? variables.size() : named_max;
  std::string text;
  for (std::size_t k = 0; k < named; ++k) {
    const bool is_last = k + 1 == variables.size();
    text += (k == 0 ? "" : is_last ? " and " : ", ") + show(name_of(graph, variables[k]));
  }
  if (named < variables.size())
    text += " and " + std::to_string(variables.size() - named) + " more";
  return text;
}

struct Driver {
  int variable = 0;
  double strength = 0;       ///< sum over the variables it drives of the strongest |value|
  std::vector<int> targets;  ///< the strongest driven first
};

std::vector<Driver> drivers_of(const CausalGraph& graph) {
  std::map<int, std::map<int, double>> strongest;
  for (const Link& link : graph.links) {
    if (link.is_self() || !link.is_directed()) continue;
    double& best = strongest[link.source][link.target];
    best = std::max(best, std::abs(link.value));
  }
  std::vector<Driver> drivers;
  for (const auto& [source, targets] : strongest) {
    Driver driver{source, 0, {}};
    for (const auto& [target, value] : targets) {
      driver.strength += value;
      driver.targets.push_back(target);
    }
    std::ranges::stable_sort(
        driver.targets, [&](int a, int b) { return strongest[source][a] > strongest[source][b]; });
    drivers.push_back(std::move(driver));
  }
  std::ranges::stable_sort(
      drivers, [](const Driver& a, const Driver& b) { return a.strength > b.strength; });
  return drivers;
}

std::string after(int lag) {
  if (lag == 0) return "within the same time step";
  return counted(lag, "step") + " later";
}

std::string strongest_link(const CausalGraph& graph) {
  const std::vector<Link> links = by_strength(graph, false);
  if (links.empty()) return "";
  const Link& link = links.front();
  std::string text = "<p>Strongest link: " + bold(name_of(graph, link.source)) + " " +
                     escaped(text_of(link.type)) + " " + bold(name_of(graph, link.target));
  if (!is_iid(graph.spec)) text += ", " + after(link.lag);
  text += " (" + escaped(strength_title(graph.spec)) + " " +
          formatted(has_sign(graph.spec) ? "%+.3f" : "%.3f", link.value) +
          (link.q_value > 0 ? ", q = " + probability(link.q_value) : ", q &lt; 1e-300");
  if (link.confidence)
    text += ", the same in " + formatted("%.0f", 100 * *link.confidence) + " % of " +
            std::to_string(graph.spec.bootstrap) + " bootstrap replicates";
  return text + ").</p>\n";
}

std::string driver_sentences(const CausalGraph& graph) {
  const std::vector<Driver> drivers = drivers_of(graph);
  if (drivers.empty()) {
    const bool has_links = !by_strength(graph, false).empty();
    return std::string("<p class=\"answer\">") +
           (has_links ? "Variables are linked, but the data do not tell which drives which."
                      : "No variable was found to drive another.") +
           "</p>\n";
  }
  const Driver& first = drivers.front();
  std::string text = "<p class=\"answer\">The strongest driver is " +
                     bold(name_of(graph, first.variable)) + ": it drives " +
                     listed(graph, first.targets, bold) + ".";
  std::vector<int> next;
  constexpr std::size_t drivers_named_max = 4;
  for (std::size_t k = 1; k < std::min(drivers.size(), drivers_named_max); ++k)
    next.push_back(drivers[k].variable);
  if (!next.empty()) text += " Next: " + listed(graph, next, plain) + ".";
  return text + "</p>\n";
}

/// The strongest clear link of a step of the chain.
const Link* step_of(const CausalGraph& graph, int source, int target) {
  const Link* best = nullptr;
  for (const Link& link : graph.links)
    if (link.source == source && link.target == target && link.is_directed() &&
        link.q_value <= graph.spec.alpha &&
        (best == nullptr || std::abs(link.value) > std::abs(best->value)))
      best = &link;
  return best;
}

std::string chain(const CausalGraph& graph) {
  const std::vector<int> variables = shown_chain(graph);
  if (variables.empty()) return "";
  const Chains& chains = *graph.chains;
  std::string text =
      "<h3>Longest chain of causes: " + std::string(chains.is_exact ? "" : "at most ") +
      counted(chains.depth, "link") + "</h3>\n";
  if (!chains.is_exact)
    text += "<p class=\"hint\">More than " + std::to_string(circle_max) +
            " variables drive one another in circles, so only a bound is known. One of " +
            counted(std::ssize(variables) - 1, "link") + " is there:</p>\n";
  text += "<ol class=\"chain\">";
  for (std::size_t k = 0; k < variables.size(); ++k) {
    text += "<li>" + bold(shortened_name(name_of(graph, variables[k])));
    if (k + 1 < variables.size()) {
      const Link* link = step_of(graph, variables[k], variables[k + 1]);
      text += " <span>";
      if (link != nullptr)
        text += (is_iid(graph.spec) ? "" : "lag " + std::to_string(link->lag) + ", ") +
                formatted(has_sign(graph.spec) ? "%+.2f" : "%.2f", link->value);
      text += " →</span>";
    }
    text += "</li>";
  }
  text += "</ol>\n";
  if (chains.longest.size() > 1)
    text += "<p class=\"hint\">" + std::to_string(chains.longest.size()) +
            (chains.longest.size() == chains_listed_max ? " or more" : "") +
            " chains have this length; shown is the one whose weakest link is strongest.</p>\n";
  return text;
}

std::string tile(const std::string& number, const std::string& what) {
  return "<li><b>" + number + "</b><span>" + what + "</span></li>";
}

std::string tiles(const CausalGraph& graph) {
  int directed = 0;
  int others = 0;
  for (const Link& link : graph.links)
    if (!link.is_self()) ++(link.is_directed() ? directed : others);
  std::string text =
      "<ul class=\"tiles\">" + tile(std::to_string(graph.count()), "variables") +
      tile(std::to_string(graph.time_steps), is_iid(graph.spec) ? "samples" : "time steps") +
      tile(std::to_string(directed), "arrows between variables");
  if (others > 0) text += tile(std::to_string(others), "links without direction");
  if (graph.chains)
    text += tile((graph.chains->is_exact ? "" : "≤ ") + std::to_string(graph.chains->depth),
                 "links in the longest chain");
  if (graph.scores && graph.scores->main().f1())
    text += tile(formatted("%.3f", *graph.scores->main().f1()), "F1 against the truth");
  if (graph.what_if && graph.what_if->coverage)
    text += tile(formatted("%.1f %%", 100 * graph.what_if->coverage->share),
                 "of new values in their " + formatted("%g", 100 * graph.what_if->level) +
                     " % forecast interval");
  return text + "</ul>\n";
}

std::string assumed_of_relations(CausalSpec::Test test) {
  switch (test) {
    case CausalSpec::Test::parcorr:
      return "Relations are linear and the noise roughly normal.";
    case CausalSpec::Test::robust_parcorr:
      return "Relations are linear once every variable is brought to a normal distribution.";
    case CausalSpec::Test::cmi_knn:
      return "Relations may have any form, smooth enough to show in this many samples.";
    case CausalSpec::Test::chi2:
    case CausalSpec::Test::g2:
      return "Values are categories, and every combination that matters is seen often enough.";
  }
  return "";
}

std::string assumptions(const CausalGraph& graph) {
  const CausalSpec& spec = graph.spec;
  std::vector<std::string> items = {"No common cause of two variables is missing from the data."};
  items.push_back(assumed_of_relations(spec.test));
  if (is_iid(spec)) {
    items.push_back("Samples are independent of one another and from one distribution.");
    items.push_back("Causes form no circle.");
  } else {
    items.push_back("Relations do not change over time, and the variables have no trend.");
    items.push_back(spec.method == CausalSpec::Method::pcmci
                        ? "No effect is faster than one time step: links at lag 0 have no "
                          "direction here."
                        : "Effects within one time step form no circle.");
  }
  std::string text =
      "<h3>What was assumed</h3>\n<p class=\"hint\">A link is causal if the following "
      "holds. The method cannot check it for you.</p>\n<ul class=\"plain\">";
  for (const std::string& item : items) text += "<li>" + item + "</li>";
  return text + "</ul>\n";
}

}  // namespace

std::string report_answer(const CausalGraph& graph) {
  return section("answer", "Answer",
                 driver_sentences(graph) + strongest_link(graph) + tiles(graph) + chain(graph) +
                     assumptions(graph));
}

}  // namespace sovren::jobs
