// SPDX-License-Identifier: Apache-2.0
#include "jobs/causal/graph.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "core/base/check.h"
#include "core/text/digest.h"
#include "kernels/causal/fdr.h"

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

}  // namespace

void set_links(CausalGraph& graph, const TestedLinks& tested) {
  SOVREN_CHECK(tested.variables == graph.count() && tested.max_lag == graph.spec.max_lag,
               "the tests are those of this graph");
  const auto n = static_cast<std::size_t>(tested.variables);
  const auto lags = static_cast<std::size_t>(tested.max_lag) + 1;
  graph.value.assign(n * n * lags, 0.0);
  graph.p_value.assign(n * n * lags, 1.0);
  for (int target = 0; target < tested.variables; ++target)
    for (int source = 0; source < tested.variables; ++source)
      for (int lag = tested.min_lag; lag <= tested.max_lag; ++lag) {
        if (lag == 0 && source == target) continue;
        const std::size_t from =
            ((static_cast<std::size_t>(target) * n) + static_cast<std::size_t>(source)) * lags +
            static_cast<std::size_t>(lag);
        graph.value[graph.index(source, target, lag)] = tested.value[from];
        graph.p_value[graph.index(source, target, lag)] = tested.p_value[from];
      }
  const kernels::LinkShape shape{tested.variables, tested.min_lag, tested.max_lag};
  kernels::symmetrise_lag0(graph.value, graph.p_value, shape);
  graph.q_value = graph.spec.fdr == CausalSpec::Fdr::bh
                      ? kernels::lagged_q_values(graph.p_value, shape)
                      : graph.p_value;
  graph.links.clear();
  for (int i = 0; i < graph.count(); ++i)
    for (int j = 0; j < graph.count(); ++j)
      for (int lag = 0; lag <= graph.spec.max_lag; ++lag) {
        const std::size_t at = graph.index(i, j, lag);
        const bool is_shown = lag > 0 || i < j;
        if (is_shown && graph.q_value[at] <= graph.spec.alpha)
          graph.links.push_back({i, j, lag, graph.value[at], graph.p_value[at], graph.q_value[at]});
      }
}

std::vector<Arrow> arrows_of(const CausalGraph& graph) {
  std::vector<Arrow> arrows;
  for (const Link& link : graph.links) {
    if (!link.is_directed() || link.is_self()) continue;
    const double strength = std::abs(link.value);
    if (!arrows.empty() && arrows.back().source == link.source &&
        arrows.back().target == link.target)
      arrows.back().strength = std::max(arrows.back().strength, strength);
    else
      arrows.push_back({link.source, link.target, strength});
  }
  return arrows;
}

std::string content_digest(const CausalGraph& graph) {
  text::Sha256 sha;
  put(sha, "sovren.causal_content/1");
  put(sha, static_cast<double>(graph.count()));
  put(sha, static_cast<double>(graph.spec.max_lag));
  for (const std::string& name : graph.variables) put(sha, name);
  for (const auto* matrix : {&graph.value, &graph.p_value, &graph.q_value})
    for (const double value : *matrix) put(sha, value);
  put(sha, static_cast<double>(graph.links.size()));
  for (const Link& link : graph.links) {
    put(sha, static_cast<double>(link.source));
    put(sha, static_cast<double>(link.target));
    put(sha, static_cast<double>(link.lag));
  }
  return sha.hex();
}

}  // namespace sovren::jobs
