// SPDX-License-Identifier: Apache-2.0
#include "core/text/job_file.h"
#include "jobs/causal/report.h"
#include "jobs/causal/report_page.h"
#include "jobs/causal/words.h"
#include "jobs/drawing/markup.h"

namespace sovren::jobs {

namespace {

/// A picture as it stands in HTML, where SVG needs no namespace.
std::string figure(std::string svg, const std::string& style) {
  const std::string name_space = " xmlns=\"http://www.w3.org/2000/svg\"";
  svg.erase(svg.find(name_space), name_space.size());
  return "<figure class=\"" + style + "\">" + svg + "</figure>\n";
}

std::string score_row(const std::string& what, const Score& score) {
  const auto cell = [](const std::optional<double>& value) {
    return "<td class=\"n\">" + (value ? formatted("%.3f", *value) : "–") + "</td>";
  };
  return "<tr><td>" + what + "</td>" + cell(score.precision()) + cell(score.recall()) +
         cell(score.f1()) + cell(score.mcc()) + cell(score.false_positive_rate()) +
         "<td class=\"n\">" + std::to_string(score.true_positives) + "</td><td class=\"n\">" +
         std::to_string(score.false_positives) + "</td><td class=\"n\">" +
         std::to_string(score.false_negatives) + "</td></tr>\n";
}

std::string scores(const CausalGraph& graph) {
  if (!graph.scores) return "";
  const Scores& found = *graph.scores;
  std::string text =
      "<div class=\"scroll\"><table><thead><tr><th>what has to be right</th>"
      "<th class=\"n\">precision</th><th class=\"n\">recall</th><th class=\"n\">F1</th>"
      "<th class=\"n\">MCC</th><th class=\"n\">false positive rate</th><th class=\"n\">right</th>"
      "<th class=\"n\">too many</th><th class=\"n\">missed</th></tr></thead>\n<tbody>\n";
  if (found.with_lag) text += score_row("cause, effect and lag", *found.with_lag);
  text += score_row("cause and effect", found.without_lag);
  if (found.arrows)
    text += score_row("cause and effect, where data can tell (CPDAG)", *found.arrows);
  text += score_row("that the two are linked", found.skeleton) + "</tbody></table></div>\n";
  if (found.temporal_accuracy)
    text += "<p>Of the true pairs found, " + formatted("%.1f %%", 100 * *found.temporal_accuracy) +
            " have their strongest link at a true lag.</p>\n";
  return section("scores", "Against the truth", text);
}

std::string notes(const CausalGraph& graph) {
  if (graph.notes.empty()) return "";
  std::string text = "<ul class=\"plain\">";
  for (const std::string& note : graph.notes) text += "<li>" + escaped(note) + "</li>\n";
  return section("notes", "Notes", text + "</ul>\n");
}

/// What decides the result, as the job file has it.
std::string settings(const CausalGraph& graph) {
  constexpr std::string_view prefix = "causal_analysis.";
  JobSpec job;
  job.kind = graph.spec;
  std::string text = "<dl>";
  for (const auto& [key, value] : text::spec_facts(job))
    if (key.starts_with(prefix))
      text +=
          "<dt>" + escaped(key.substr(prefix.size())) + "</dt><dd>" + escaped(value) + "</dd>\n";
  text += "<dt>samples per test</dt><dd>" + std::to_string(graph.samples) + "</dd></dl>\n";
  return section("settings", "Settings", text);
}

/// Links to the sections that are there.
std::string navigation(const std::string& body) {
  constexpr std::pair<const char*, const char*> places[] = {
      {"answer", "Answer"},     {"graph", "Graph"},           {"heatmap", "Heat map"},
      {"links", "Links"},       {"variables", "Variables"},   {"effects", "Effects"},
      {"forecast", "Forecast"}, {"interventions", "What if"}, {"scores", "Truth"},
      {"notes", "Notes"},       {"settings", "Settings"}};
  std::string text = "<nav>";
  for (const auto& [id, title] : places)
    if (body.find(std::string("<section id=\"") + id + "\"") != body.npos)
      text += std::string("<a href=\"#") + id + "\">" + title + "</a>";
  return text + "</nav>\n";
}

}  // namespace

std::string section(const std::string& id, const std::string& title, const std::string& content) {
  return "<section id=\"" + id + "\"><h2>" + title + "</h2>\n" + content + "</section>\n";
}

std::string report_html(const CausalGraph& graph, const Table& table) {
  const std::string body =
      report_answer(graph) + section("graph", "Graph", figure(graph_svg(graph), "picture")) +
      report_links(graph) + section("heatmap", "Heat map", figure(heatmap_svg(graph), "wide")) +
      report_variables(graph) + report_effects(graph) + report_forecast(graph, table) +
      report_interventions(graph, table) + scores(graph) + notes(graph) + settings(graph);
  const std::string title = escaped(graph.title);
  return "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
         "'unsafe-inline'; script-src 'unsafe-inline'\">\n<title>" +
         title + ": causal analysis</title>\n<style>" + report_style +
         "</style></head>\n<body>\n<header><h1>" + title + "</h1>\n<p class=\"setting\">" +
         escaped(setting_line(graph)) + "</p>\n" + navigation(body) + "</header>\n<main>\n" + body +
         "</main>\n<footer><p>Made by Sovren. Definitions of all figures: docs/causal.md; of the "
         "files beside this one: docs/formats.md.</p></footer>\n<script>" +
         report_script + "</script>\n</body></html>\n";
}

}  // namespace sovren::jobs
