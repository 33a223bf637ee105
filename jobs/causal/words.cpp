// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/words.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

struct Title {
  std::string_view name;  ///< in the job file
  std::string_view title;
  std::string_view strength;
};
constexpr std::array<Title, 3> methods{
    {{"pcmci", "PCMCI", ""}, {"pcmci-plus", "PCMCI+", ""}, {"pc", "PC (order-independent)", ""}}};
constexpr std::array<Title, 5> tests{
    {{"parcorr", "partial correlation", "partial correlation"},
     {"robust-parcorr", "robust partial correlation", "partial correlation of ranks"},
     {"cmi-knn", "conditional mutual information, nearest neighbours",
      "conditional mutual information (nats)"},
     {"chi2", "chi-squared test", "Cramér’s V"},
     {"g2", "G-squared test", "conditional mutual information (nats)"}}};

template <std::size_t count>
Title title_of(const std::array<Title, count>& titles, std::string_view name) {
  const auto found =
      std::ranges::find_if(titles, [&](const Title& title) { return title.name == name; });
  return found != titles.end() ? *found : Title{name, name, "strength"};
}

}  // namespace

std::string method_title(const CausalSpec& spec) {
  return std::string(title_of(methods, names_of(spec).method).title);
}

std::string test_title(const CausalSpec& spec) {
  return std::string(title_of(tests, names_of(spec).test).title);
}

std::string strength_title(const CausalSpec& spec) {
  return std::string(title_of(tests, names_of(spec).test).strength);
}

std::string setting_line(const CausalGraph& graph) {
  const CausalSpec& spec = graph.spec;
  std::string line = method_title(spec) + ", " + test_title(spec) + " · " +
                     counted(graph.count(), "variable") + " · ";
  line += is_iid(spec) ? std::to_string(graph.time_steps) + " samples"
                       : std::to_string(graph.time_steps) + " time steps · lags " +
                             std::to_string(spec.min_lag) + "–" + std::to_string(spec.max_lag);
  if (spec.method != CausalSpec::Method::pcmci)
    return line + " · level " + formatted("%g", selection_levels(spec).front());
  return line + (spec.fdr == CausalSpec::Fdr::bh ? " · false discovery rate " : " · α = ") +
         formatted("%g", spec.alpha);
}

bool is_iid(const CausalSpec& spec) {
  return spec.max_lag == 0;
}

bool has_sign(const CausalSpec& spec) {
  return spec.test == CausalSpec::Test::parcorr || spec.test == CausalSpec::Test::robust_parcorr;
}

const std::string& name_of(const CausalGraph& graph, int variable) {
  return graph.variables[static_cast<std::size_t>(variable)];
}

std::vector<Link> by_strength(const CausalGraph& graph, bool wants_self) {
  std::vector<Link> links;
  for (const Link& link : graph.links)
    if (link.is_self() == wants_self) links.push_back(link);
  std::ranges::stable_sort(
      links, [](const Link& a, const Link& b) { return std::abs(a.value) > std::abs(b.value); });
  return links;
}

std::vector<int> shown_chain(const CausalGraph& graph) {
  constexpr std::size_t variables_min = 3;
  if (!graph.chains || graph.chains->longest.empty()) return {};
  const std::vector<int>& chain = graph.chains->longest.front();
  return chain.size() >= variables_min ? chain : std::vector<int>();
}

}  // namespace sovren::jobs
