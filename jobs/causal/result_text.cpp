// SPDX-License-Identifier: Apache-2.0
// graph.txt: the causal graph for a terminal.
#include <algorithm>
#include <cmath>

#include "jobs/causal/graph.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

constexpr std::size_t links_shown_max = 60;
constexpr std::size_t memories_shown_max = 12;
constexpr std::size_t chains_shown_max = 3;
constexpr std::size_t chain_names_max = 12;
constexpr std::size_t bar_max = 20;

/// Characters, not bytes: names may be in any language.
std::size_t width(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string left(const std::string& text, std::size_t columns) {
  const std::size_t used = width(text);
  return used < columns ? text + std::string(columns - used, ' ') : text;
}
std::string right(const std::string& text, std::size_t columns) {
  const std::size_t used = width(text);
  return used < columns ? std::string(columns - used, ' ') + text : text;
}

std::string arrow(const Link& link, bool has_lags) {
  if (link.type == LinkType::undirected) return "o-----o";
  if (link.type == LinkType::conflict) return "x-----x";
  return has_lags ? "--(" + std::to_string(link.lag) + ")-->" : "------->";
}

std::string link_table(const CausalGraph& graph) {
  const std::vector<Link> links = by_strength(graph, false);
  if (links.empty()) return "\n  No links between variables at this alpha.\n";
  const bool has_lags = !is_iid(graph.spec);
  const bool has_confidence = links.front().confidence.has_value();
  std::size_t source_width = 5;
  std::size_t target_width = 6;
  std::size_t arrow_width = 8;
  const std::size_t shown = std::min(links.size(), links_shown_max);
  for (std::size_t k = 0; k < shown; ++k) {
    source_width = std::max(source_width, width(name_of(graph, links[k].source)));
    target_width = std::max(target_width, width(name_of(graph, links[k].target)));
    arrow_width = std::max(arrow_width, arrow(links[k], has_lags).size());
  }
  std::string text = "\n  " + right("cause", source_width) + "  " +
                     left(has_lags ? "(lag)" : "", arrow_width) + "  " +
                     left("effect", target_width) + "  strength  q-value" +
                     (has_confidence ? "  confidence" : "") + "\n";
  for (std::size_t k = 0; k < shown; ++k) {
    const Link& link = links[k];
    const auto bar = static_cast<std::size_t>(std::lround(std::abs(link.value) * bar_max));
    const std::string confidence =
        has_confidence ? right(formatted("%.0f %%", 100 * link.confidence.value_or(0)), 10) + "  "
                       : "";
    text += "  " + right(name_of(graph, link.source), source_width) + "  " +
            left(arrow(link, has_lags), arrow_width) + "  " +
            left(name_of(graph, link.target), target_width) + "  " +
            right(formatted("%+.3f", link.value), 8) + "  " + right(probability(link.q_value), 7) +
            "  " + confidence +
            std::string(std::max<std::size_t>(bar, 1), link.value < 0 ? '-' : '+') + "\n";
  }
  if (links.size() > shown)
    text += "  ... and " + std::to_string(links.size() - shown) + " weaker links in graph.json\n";
  return text;
}

/// Each variable's strongest link from its own past.
std::string memory_lines(const CausalGraph& graph) {
  std::vector<Link> strongest;
  for (const Link& link : by_strength(graph, true)) {
    const bool is_new = std::none_of(strongest.begin(), strongest.end(), [&](const Link& other) {
      return other.source == link.source;
    });
    if (is_new) strongest.push_back(link);
  }
  if (strongest.empty()) return "";
  std::string text = "\n  Strongest link to its own past (lag):\n";
  std::size_t name_width = 1;
  const std::size_t shown = std::min(strongest.size(), memories_shown_max);
  for (std::size_t k = 0; k < shown; ++k)
    name_width = std::max(name_width, width(name_of(graph, strongest[k].source)));
  for (std::size_t k = 0; k < shown; ++k)
    text += "    " + left(name_of(graph, strongest[k].source), name_width) + "  " +
            formatted("%+.3f", strongest[k].value) + " (" + std::to_string(strongest[k].lag) +
            ")\n";
  if (strongest.size() > shown)
    text += "    ... and " + std::to_string(strongest.size() - shown) + " more\n";
  return text;
}

std::string chain_lines(const CausalGraph& graph) {
  if (!graph.chains) return "";
  const Chains& chains = *graph.chains;
  if (chains.depth == 0) return "\n  No chains: no variable drives another at a lag.\n";
  std::string text =
      "\n  Longest chain of causes: " + std::string(chains.is_exact ? "" : "at most ") +
      counted(chains.depth, "link") + "\n";
  const std::size_t shown = std::min(chains.longest.size(), chains_shown_max);
  for (std::size_t k = 0; k < shown; ++k) {
    text += "    ";
    const std::vector<int>& chain = chains.longest[k];
    const std::size_t named = std::min(chain.size(), chain_names_max);
    for (std::size_t i = 0; i < named; ++i)
      text += (i == 0 ? "" : " -> ") + name_of(graph, chain[i]);
    if (chain.size() > named) text += " -> ... (" + std::to_string(chain.size() - named) + " more)";
    text += "\n";
  }
  if (chains.longest.size() > shown) text += "    ... more of this length in graph.json\n";
  return text;
}

std::string score_lines(const CausalGraph& graph) {
  if (!graph.scores) return "";
  const auto shown = [](const std::optional<double>& value) {
    return value ? formatted("%.3f", *value) : std::string("-");
  };
  const auto line = [&](const char* what, const Score& score) {
    return std::string("    ") + what + "  precision " + shown(score.precision()) + "  recall " +
           shown(score.recall()) + "  F1 " + shown(score.f1()) + "  MCC " +
           formatted("%.3f", score.mcc()) + "  false positive rate " +
           shown(score.false_positive_rate()) + "\n";
  };
  std::string text = "\n  Against the truth (links between variables):\n";
  if (graph.scores->with_lag) text += line("with lag   ", *graph.scores->with_lag);
  text += line("without lag", graph.scores->without_lag);
  if (graph.scores->arrows) text += line("as CPDAG   ", *graph.scores->arrows);
  text += line("linked     ", graph.scores->skeleton);
  if (graph.scores->temporal_accuracy)
    text += "    right lag for " + shown(graph.scores->temporal_accuracy) + " of the pairs found\n";
  return text;
}

}  // namespace

std::string graph_text(const CausalGraph& graph) {
  const CausalSpec& spec = graph.spec;
  const bool has_levels = spec.method != CausalSpec::Method::pcmci;
  std::string text = "Causal graph of " + graph.title + ": " + method_title(spec) + ", " +
                     test_title(spec) + "; " + std::to_string(graph.count()) + " variables, " +
                     std::to_string(graph.time_steps) +
                     (is_iid(spec) ? " samples" : " time steps") + " (" +
                     std::to_string(graph.samples) + " per test), ";
  if (!is_iid(spec)) text += "lags to " + std::to_string(spec.max_lag) + ", ";
  text += has_levels ? "level " + formatted("%g", selection_levels(spec).front())
          : spec.fdr == CausalSpec::Fdr::bh ? "false discovery rate " + formatted("%g", spec.alpha)
                                            : "alpha " + formatted("%g", spec.alpha);
  text += "\n";
  text += link_table(graph) + memory_lines(graph) + chain_lines(graph) + score_lines(graph);
  if (!graph.notes.empty()) text += "\n  Notes:\n";
  for (const std::string& note : graph.notes) text += "    " + note + "\n";
  return text;
}

}  // namespace sovren::jobs
