// SPDX-License-Identifier: Apache-2.0
// The sections of report.html on what the fitted model tells: effects, forecast, interventions.
#include <algorithm>
#include <cmath>

#include "jobs/causal/report.h"
#include "jobs/causal/report_chart.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

constexpr std::size_t effects_max = 40;
constexpr std::size_t mediators_max = 6;
constexpr double share_min = 0.005;  // of an effect, to name a mediator
constexpr std::size_t forecasts_max = 24;
constexpr std::size_t responses_max = 12;

std::string legend(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string text = "<p class=\"legend\">";
  for (const auto& [style, what] : entries)
    text += "<span><i class=\"" + style + "\"></i>" + what + "</span>";
  return text + "</p>\n";
}

std::string left_out(std::size_t shown, std::size_t all, const std::string& what) {
  if (shown >= all) return "";
  return "<p class=\"hint\">" + std::to_string(shown) + " of " + std::to_string(all) + " " + what +
         "; all are in graph.json.</p>\n";
}

/// The measured values of the last rows before a row.
ChartLine measured(const Table& table, int variable, int first, int end) {
  ChartLine line{static_cast<double>(first), {}, "measured"};
  for (int row = first; row < end; ++row) line.y.push_back(table.at(row, variable));
  return line;
}

int rows_before(const Table& table, std::size_t steps) {
  constexpr std::size_t least = 40;
  return static_cast<int>(
      std::min<std::size_t>(static_cast<std::size_t>(table.rows), std::max(least, 4 * steps)));
}

std::size_t strongest_step(const std::vector<double>& by_lag) {
  std::size_t best = 0;
  for (std::size_t lag = 1; lag < by_lag.size(); ++lag)
    if (std::abs(by_lag[lag]) > std::abs(by_lag[best])) best = lag;
  return best;
}

std::string effect_words(const CausalGraph& graph, const Effect& effect) {
  const std::size_t lag = strongest_step(effect.total_standardised);
  if (effect.total_standardised[lag] == 0)
    return "<h3>" + escaped(name_of(graph, effect.cause)) + " on " +
           escaped(name_of(graph, effect.effect)) +
           "</h3><p>None: no path of the graph leads from the one to the other.</p>\n";
  std::string text = "<p>Largest " + std::string(lag == 0 ? "at once" : "after ") +
                     (lag == 0 ? "" : counted(static_cast<int>(lag), "step")) + ": +1 of " +
                     escaped(name_of(graph, effect.cause)) + " brings " +
                     formatted("%+.4g", effect.total[lag]) + " (" +
                     formatted("%+.3f", effect.total_standardised[lag]) +
                     " standard deviations per standard deviation).</p>\n";
  std::string through;
  std::size_t shown = 0;
  for (const Mediator& mediator : effect.mediators) {
    const double share = mediator.standardised[lag] / effect.total_standardised[lag];
    if (std::abs(share) < share_min || shown == mediators_max) continue;
    ++shown;
    through += (through.empty() ? "" : ", ") + std::string("<b>") +
               escaped(name_of(graph, mediator.variable)) + "</b> " +
               formatted("%.0f %%", 100 * share);
  }
  if (!through.empty()) text += "<p>Of this goes through " + through + ".</p>\n";
  return text;
}

std::string effect_chart(const CausalGraph& graph, const Effect& effect) {
  if (effect.total_standardised[strongest_step(effect.total_standardised)] == 0) return "";
  Chart chart;
  chart.title = name_of(graph, effect.cause) + " on " + name_of(graph, effect.effect);
  chart.x_title = "steps after the change";
  chart.bars = {{0, effect.total_standardised, "total"}, {0, effect.direct_standardised, "direct"}};
  return chart_svg(chart);
}

/// Variables in the order of their charts: all, or those that are explained best.
std::vector<int> forecast_order(const CausalGraph& graph) {
  std::vector<int> order;
  for (int variable = 0; variable < graph.count(); ++variable) order.push_back(variable);
  if (order.size() <= forecasts_max) return order;
  const auto explained = [&](int variable) {
    return graph.what_if->equations[static_cast<std::size_t>(variable)].explained;
  };
  std::ranges::stable_sort(order, [&](int a, int b) { return explained(a) > explained(b); });
  order.resize(forecasts_max);
  return order;
}

/// Starts at the last measured value, so that the line is not cut.
std::vector<double> with_start(double last, std::vector<double> values) {
  values.insert(values.begin(), last);
  return values;
}

std::string forecast_chart(const CausalGraph& graph, const Table& table, int variable) {
  const Forecast& forecast = graph.what_if->forecasts[static_cast<std::size_t>(variable)];
  const double last = table.at(table.rows - 1, variable);
  const double start = table.rows - 1;
  Chart chart;
  chart.title = name_of(graph, variable);
  chart.x_title = "row";
  chart.lines = {
      measured(table, variable, table.rows - rows_before(table, forecast.mean.size()), table.rows),
      {start, with_start(last, forecast.mean), "expected"}};
  chart.band = {start, with_start(last, forecast.low), with_start(last, forecast.high)};
  chart.divide_at = start;
  return chart_svg(chart);
}

std::string response_chart(const CausalGraph& graph, const Table& table, const WhatIfDone& done,
                           const Response& response) {
  const int first = std::max(0, done.from - rows_before(table, response.with.size()) / 2);
  Chart chart;
  chart.title = name_of(graph, response.variable);
  chart.x_title = "row";
  chart.lines = {
      measured(table, response.variable, first, std::min(done.from, table.rows)),
      {static_cast<double>(done.from), response.without, done.is_past ? "measured" : "expected"},
      {static_cast<double>(done.from), response.with, "changed"}};
  if (!response.low.empty())
    chart.band = {static_cast<double>(done.from), response.low, response.high};
  chart.divide_at = done.from - 0.5;
  return chart_svg(chart);
}

std::string intervention(const CausalGraph& graph, const Table& table, const WhatIfDone& done) {
  std::string text = "<h3>" + escaped(name_of(graph, done.variable)) + " set to " +
                     formatted("%.6g", done.value) + " in rows " + std::to_string(done.from) +
                     " to " + std::to_string(done.until) +
                     (done.is_past ? ": what would have been" : ": what would be") + "</h3>\n";
  if (done.responses.size() == 1)
    text += "<p>No directed link leaves it: no other variable changes.</p>\n";
  std::vector<const Response*> responses;
  for (const Response& response : done.responses) responses.push_back(&response);
  const auto change = [](const Response* response) {
    double most = 0;
    double spread = 0;
    for (std::size_t k = 0; k < response->difference.size(); ++k) {
      most = std::max(most, std::abs(response->difference[k]));
      if (!response->low.empty()) spread = std::max(spread, response->high[k] - response->low[k]);
    }
    return spread > 0 ? most / spread : most;
  };
  if (responses.size() > 1)
    std::ranges::stable_sort(
        responses.begin() + 1, responses.end(),
        [&](const Response* a, const Response* b) { return change(a) > change(b); });
  const std::size_t shown = std::min(responses.size(), responses_max);
  text += "<div class=\"charts\">";
  for (std::size_t k = 0; k < shown; ++k)
    text += response_chart(graph, table, done, *responses[k]) + "\n";
  return text + "</div>\n" + left_out(shown, responses.size(), "variables that change");
}

std::string percent(double level) {
  return formatted("%g %%", 100 * level);
}

}  // namespace

std::string report_effects(const CausalGraph& graph) {
  if (!graph.what_if || graph.what_if->effects.empty()) return "";
  const std::vector<Effect>& effects = graph.what_if->effects;
  std::string text =
      legend({{"total", "total effect, over all paths"}, {"direct", "direct link"}}) +
      "<p class=\"hint\">In standard deviations of the effect per standard "
      "deviation of the cause.</p>\n";
  const std::size_t shown = std::min(effects.size(), effects_max);
  text += "<div class=\"charts\">";
  for (std::size_t k = 0; k < shown; ++k)
    text +=
        "<div>" + effect_chart(graph, effects[k]) + effect_words(graph, effects[k]) + "</div>\n";
  return section("effects", "Effects",
                 text + "</div>\n" + left_out(shown, effects.size(), "effects"));
}

std::string report_forecast(const CausalGraph& graph, const Table& table) {
  if (!graph.what_if || graph.what_if->forecasts.empty() ||
      graph.what_if->forecasts.front().mean.empty() || table.rows == 0)
    return "";
  const WhatIf& model = *graph.what_if;
  std::string text = legend({{"measured", "measured"},
                             {"expected", "forecast"},
                             {"band", percent(model.level) + " interval"}});
  if (model.coverage)
    text += "<p>Tried on the last rows of the data, which the model had not seen: " +
            percent(std::round(1000 * model.coverage->share) / 1000) + " of " +
            std::to_string(model.coverage->values) + " values lay in their interval.</p>\n";
  const std::vector<int> order = forecast_order(graph);
  text += "<div class=\"charts\">";
  for (const int variable : order) text += forecast_chart(graph, table, variable) + "\n";
  return section("forecast", "Forecast",
                 text + "</div>\n" +
                     left_out(order.size(), graph.variables.size(),
                              "variables, those that the model explains best"));
}

std::string report_interventions(const CausalGraph& graph, const Table& table) {
  if (!graph.what_if || graph.what_if->interventions.empty()) return "";
  std::string text = legend({{"measured", "measured"},
                             {"expected", "forecast without the change"},
                             {"changed", "with the change"},
                             {"band", percent(graph.what_if->level) + " interval with it"}});
  for (const WhatIfDone& done : graph.what_if->interventions)
    text += intervention(graph, table, done);
  return section("interventions", "What if", text);
}

}  // namespace sovren::jobs
