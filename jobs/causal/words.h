// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "jobs/causal/graph.h"

namespace sovren::jobs {

/// "PCMCI+", "PC".
std::string method_title(const CausalSpec& spec);
/// "partial correlation", "chi-squared test".
std::string test_title(const CausalSpec& spec);
/// What the values of links are: "partial correlation", "conditional mutual information (nats)".
std::string strength_title(const CausalSpec& spec);
/// One line: method, test, sizes, lags, level.
std::string setting_line(const CausalGraph& graph);
/// The data are independent samples, not a time series: there are no lags.
bool is_iid(const CausalSpec& spec);
/// Values have a sign.
bool has_sign(const CausalSpec& spec);

const std::string& name_of(const CausalGraph& graph, int variable);

/// Links between different variables, or of variables to themselves; strongest first.
std::vector<Link> by_strength(const CausalGraph& graph, bool wants_self);

/// The longest chain that pictures and texts show: variables along it; empty: none of 2 links.
std::vector<int> shown_chain(const CausalGraph& graph);

}  // namespace sovren::jobs
