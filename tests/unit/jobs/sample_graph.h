// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/causal/graph.h"

namespace sovren::jobs {

/// Names that break out of what does not escape them, in HTML, XML, DOT, JavaScript.
inline const std::vector<std::string> nasty_names = {"<script>alert(1)</script>",
                                                     "a\" onload=\"x",
                                                     "]]>&amp;",
                                                     "back\\slash\"",
                                                     "Wärme 雪",
                                                     "\xff\x01"};

/// PCMCI+ on six variables: links of every type, a chain 0 -> 1 -> 2 -> 3, self links, bootstrap.
inline CausalGraph sample_graph() {
  using kernels::Mark;
  CausalGraph graph;
  graph.title = "</title><b>&";
  graph.variables = nasty_names;
  graph.time_steps = 200;
  graph.samples = 196;
  graph.spec.method = CausalSpec::Method::pcmci_plus;
  graph.spec.max_lag = 2;
  kernels::LinkTable table(6, 0, 2);
  const auto set = [&](int source, int target, int lag, double value, Mark mark) {
    const auto put = [&](std::size_t at, Mark one) {
      table.value[at] = value;
      table.p_value[at] = 1e-6;
      table.q_value[at] = 3e-6;
      table.mark[at] = one;
    };
    put(table.index(source, target, lag), mark);
    if (lag == 0)
      put(table.index(target, source, 0), mark == Mark::directed ? Mark::reversed : mark);
  };
  set(0, 0, 1, 0.6, Mark::directed);
  set(0, 1, 1, 0.5, Mark::directed);
  set(0, 1, 2, -0.25, Mark::directed);
  set(1, 2, 0, -0.4, Mark::directed);
  set(2, 3, 2, 0.3, Mark::directed);
  set(3, 4, 0, 0.2, Mark::undirected);
  set(4, 5, 0, -0.2, Mark::conflict);
  set_links(graph, table);
  graph.confidence.assign(table.value.size(), 0.9);
  for (Link& link : graph.links) {
    link.confidence = 0.875;
    link.value_low = link.value - 0.0625;
    link.value_high = link.value + 0.0625;
  }
  graph.chains = find_chains(graph.count(), arrows_of(graph));
  graph.notes = {"a note with <b>markup</b>"};
  return graph;
}

/// Many variables in a ring, k --> k + 1 at lag 1 and k + 7 at lag 2.
inline CausalGraph large_graph(int variables) {
  CausalGraph graph;
  graph.title = "large";
  graph.spec.max_lag = 2;
  graph.time_steps = 500;
  for (int k = 0; k < variables; ++k) graph.variables.push_back("v" + std::to_string(k));
  kernels::LinkTable table(variables, 0, 2);
  for (int k = 0; k < variables; ++k)
    for (const auto& [step, lag] : {std::pair(1, 1), std::pair(7, 2)}) {
      const std::size_t at = table.index(k, (k + step) % variables, lag);
      table.value[at] = (k % 2 == 0 ? 0.3 : -0.3) - 0.1 * k / variables;
      table.p_value[at] = table.q_value[at] = 1e-9;
      table.mark[at] = kernels::Mark::directed;
    }
  set_links(graph, table);
  graph.chains = find_chains(graph.count(), arrows_of(graph));
  return graph;
}

}  // namespace sovren::jobs
