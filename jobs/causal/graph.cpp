// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/graph.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/check.h"
#include "core/text/digest.h"
#include "core/text/job_file.h"

namespace sovren::jobs {

namespace {

/// Same bits on every machine: little-endian words, one NaN.
void put(text::Sha256& sha, double value) {
  const double canonical = std::isnan(value) ? std::numeric_limits<double>::quiet_NaN()
                           : value == 0.0    ? 0.0
                                             : value;
  auto word = std::bit_cast<std::uint64_t>(canonical);
  std::array<std::byte, 8> bytes;
  for (std::byte& byte : bytes) {
    byte = static_cast<std::byte>(word & 0xFF);
    word >>= 8;
  }
  sha.update(bytes);
}

void put(text::Sha256& sha, std::string_view text) {
  put(sha, static_cast<double>(text.size()));
  sha.update(text);
}

/// Nothing: no link, or one that its other entry tells.
std::optional<LinkType> type_of(kernels::Mark mark) {
  switch (mark) {
    case kernels::Mark::directed:
      return LinkType::directed;
    case kernels::Mark::undirected:
      return LinkType::undirected;
    case kernels::Mark::conflict:
      return LinkType::conflict;
    case kernels::Mark::none:
    case kernels::Mark::reversed:
      break;
  }
  return std::nullopt;
}

}  // namespace

std::string_view text_of(LinkType type) {
  constexpr std::array<std::string_view, 3> texts = {"-->", "o-o", "x-x"};
  return texts[static_cast<std::size_t>(type)];
}

void set_links(CausalGraph& graph, const kernels::LinkTable& table) {
  SOVREN_CHECK(table.variables == graph.count() && table.max_lag == graph.spec.max_lag,
               "the table is that of this graph");
  graph.value = table.value;
  graph.p_value = table.p_value;
  graph.q_value = table.q_value;
  graph.mark = table.mark;
  graph.links.clear();
  for (int i = 0; i < graph.count(); ++i)
    for (int j = 0; j < graph.count(); ++j)
      for (int lag = 0; lag <= graph.spec.max_lag; ++lag) {
        const std::size_t at = graph.index(i, j, lag);
        const auto type = type_of(graph.mark[at]);
        if (!type) continue;
        if (*type != LinkType::directed && i > j) continue;  // the other entry of the same pair
        graph.links.push_back(
            {i, j, lag, graph.value[at], graph.p_value[at], graph.q_value[at], *type});
      }
}

std::vector<Arrow> arrows_of(const CausalGraph& graph) {
  std::vector<Arrow> arrows;
  for (const Link& link : graph.links) {
    if (!link.is_directed() || link.is_self() || link.q_value > graph.spec.alpha) continue;
    const double strength = std::abs(link.value);
    if (!arrows.empty() && arrows.back().source == link.source &&
        arrows.back().target == link.target)
      arrows.back().strength = std::max(arrows.back().strength, strength);
    else
      arrows.push_back({link.source, link.target, strength});
  }
  return arrows;
}

MethodNames names_of(const CausalSpec& spec) {
  JobSpec job;
  job.kind = spec;
  const SpecFacts facts = text::spec_facts(job);
  return {facts.at("causal_analysis.method"), facts.at("causal_analysis.test"),
          facts.at("causal_analysis.fdr")};
}

std::string content_digest(const CausalGraph& graph) {
  text::Sha256 sha;
  put(sha, "sovren.causal_content/2");
  put(sha, static_cast<double>(graph.count()));
  put(sha, static_cast<double>(graph.spec.max_lag));
  for (const std::string& name : graph.variables) put(sha, name);
  for (const auto* matrix : {&graph.value, &graph.p_value, &graph.q_value, &graph.confidence})
    for (const double value : *matrix) put(sha, value);
  for (const kernels::Mark mark : graph.mark) put(sha, static_cast<double>(mark));
  put(sha, static_cast<double>(graph.links.size()));
  for (const Link& link : graph.links) {
    put(sha, static_cast<double>(link.source));
    put(sha, static_cast<double>(link.target));
    put(sha, static_cast<double>(link.lag));
    put(sha, static_cast<double>(link.type));
    for (const auto& bound : {link.value_low, link.value_high})
      put(sha, bound.value_or(std::numeric_limits<double>::quiet_NaN()));
  }
  return sha.hex();
}

}  // namespace sovren::jobs
