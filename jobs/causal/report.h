// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "jobs/causal/graph.h"
#include "jobs/causal/table.h"

namespace sovren::jobs {

/// report.html: one page that tells what was found, for people. It holds all that it shows and asks
/// no other machine for anything; it is whole without JavaScript.
///
/// Limits   links_reported_max links, the strongest; charts and tables of the model for a few dozen
///          variables. It says what it leaves out.
std::string report_html(const CausalGraph& graph, const Table& table);

inline constexpr std::size_t links_reported_max = 2000;

// Its sections, each a <section> or, where there is nothing to say, empty:

std::string report_answer(const CausalGraph& graph);
std::string report_links(const CausalGraph& graph);
std::string report_variables(const CausalGraph& graph);
std::string report_effects(const CausalGraph& graph);
std::string report_forecast(const CausalGraph& graph, const Table& table);
std::string report_interventions(const CausalGraph& graph, const Table& table);

/// <section id="..."><h2>title</h2>content</section>. title: as it stands in HTML.
std::string section(const std::string& id, const std::string& title, const std::string& content);

}  // namespace sovren::jobs
