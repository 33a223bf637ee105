// SPDX-License-Identifier: Apache-2.0
#include "cli/site_view.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "cli/terminal.h"
#include "core/model/state.h"
#include "slurm/bridge/chain.h"
#include "slurm/bridge/job_folder.h"

namespace sovren::cli {
namespace {

using slurm::SiteTask;
using slurm::SiteUnit;
using text::Json;

std::string folder_of(const SiteUnit& unit) {
  return slurm::dir_of(*unit.root, unit.element);
}

Json text_or_null(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json ids_of(const SiteUnit& unit) {
  Json ids = Json::array();
  for (const SiteUnit::Link& link : unit.links)
    if (const std::string id = slurm::site_id(link); !id.empty()) ids.push_back(id);
  return ids;
}

Json progress_of(const SiteUnit& unit) {
  const auto progress = slurm::read_progress(folder_of(unit));
  if (!progress) return {};
  Json metrics = Json::object();
  for (const auto& [name, value] : progress->metrics) metrics[name] = value;
  return {{"step", progress->step},
          {"fraction", progress->fraction < 0 ? Json() : Json(progress->fraction)},
          {"sealed_step", progress->sealed_step},
          {"attempt", progress->attempt},
          {"at", format_utc(progress->at)},
          {"metrics", metrics}};
}

// "train_loss 2.31": the one that says how good it is, else the first.
std::string metric_of(const Json& view) {
  const Json::json_pointer place("/progress/metrics");
  if (!view.contains(place) || view[place].empty()) return "";
  const Json& metrics = view[place];
  auto shown = metrics.begin();
  for (auto metric = metrics.begin(); metric != metrics.end(); ++metric) {
    const bool is_good = std::ranges::any_of(
        std::initializer_list<std::string_view>{"loss", "score", "depth", "noise", "accuracy"},
        [&](std::string_view word) { return metric.key().find(word) != std::string::npos; });
    if (is_good) {
      shown = metric;
      break;
    }
  }
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%.4g", shown->get<double>());
  return printable(shown.key()) + " " + number.data();
}

std::string percent_of(const Json& view) {
  const Json::json_pointer place("/progress/fraction");
  if (!view.contains(place) || !view[place].is_number()) return "";
  return std::to_string(static_cast<int>(100 * view[place].get<double>())) + " %";
}

std::vector<std::string> row_of(const Json& view) {
  std::string why = text_of(view, "why");
  if (why.empty()) why = text_of(view, "reason");
  return {text_of(view, "site_job"), text_of(view, "name"),  text_of(view, "state"),
          text_of(view, "restarts"), percent_of(view),       text_of(view, "/progress/step"),
          metric_of(view),           text_of(view, "nodes"), why,
          text_of(view, "dir")};
}

std::vector<std::string> folded_row(std::span<const SiteUnit> elements) {
  Json states = Json::object();
  int restarts = 0;
  for (const SiteUnit& unit : elements) {
    // One whose end nobody knows has not done what it should.
    const bool is_odd = slurm::has_ended(unit) && !state_of(slurm::state_of(unit));
    const std::string state = is_odd ? "FAILED" : slurm::state_of(unit);
    states[state] = states.value(state, 0) + 1;
    restarts += slurm::restarts_of(unit);
  }
  const ArraySummary all =
      array_summary({{"elements", elements.size()}, {"states", std::move(states)}});
  const slurm::SiteJob& root = *elements.front().root;
  return {root.site_job + "_[0-" + std::to_string(elements.size() - 1) + "]",
          printable(root.name),
          all.state,
          std::to_string(restarts),
          std::to_string(all.done) + "/" + std::to_string(all.elements),
          "",
          "",
          "",
          all.counts,
          printable(root.dir)};
}

Json report_of(const std::string& dir) {
  std::ifstream file(dir + "/report.json", std::ios::binary);
  auto json = text::parse_json((std::ostringstream() << file.rdbuf()).str(), "report.json");
  return json ? *std::move(json) : Json::object();
}

Json allocation_view(const slurm::Allocation& one) {
  return {{"site_job", one.site_job},
          {"restart", one.restart},
          {"nodes", one.nodes},
          {"ranks", one.ranks},
          {"launcher", one.launcher},
          {"began_at", format_utc(one.began_at)},
          {"step", one.step},
          {"ended_at", one.end ? Json(format_utc(one.end->ended_at)) : Json()},
          {"exit_code", one.end ? Json(one.end->exit_code) : Json()},
          {"sealed_step", one.end ? Json(one.end->sealed_step) : Json()}};
}

// Those of this unit's site jobs: the directory may have seen others before.
std::vector<slurm::Allocation> allocations_of(const SiteUnit& unit) {
  auto chain = slurm::read_chain(folder_of(unit));
  if (!chain) return {};
  std::erase_if(*chain, [&](const slurm::Allocation& one) {
    return std::ranges::none_of(unit.links, [&](const SiteUnit::Link& link) {
      return slurm::site_id(link) == one.site_job;
    });
  });
  return *std::move(chain);
}

}  // namespace

WaitReasons::WaitReasons(const std::vector<slurm::SiteRow>& rows) {
  for (const slurm::SiteRow& row : rows) rows_of_[row.site_job].push_back(&row);
}

std::string WaitReasons::of(const SiteUnit& unit) const {
  const SiteUnit::Link& link = unit.newest();
  const auto rows = rows_of_.find(link.job->site_job);
  if (rows == rows_of_.end()) return slurm::task_of(unit).seen.reason;
  for (const slurm::SiteRow* row : rows->second)
    if (link.task == slurm::no_task || slurm::is_listed(*row, link.task)) return row->reason;
  return slurm::task_of(unit).seen.reason;
}

Json site_job_view(const SiteUnit& unit, const WaitReasons& reasons) {
  const SiteTask& task = slurm::task_of(unit);
  const slurm::SiteJob& newest = *unit.newest().job;
  const bool is_asked = newest.site_job.empty();
  Json view{{"site_job", text_or_null(slurm::site_id(unit.newest()))},
            {"name", unit.root->name},
            {"user", unit.root->user},
            {"state", slurm::state_of(unit)},
            {"site_state", text_or_null(task.seen.state)},
            {"reason", task.end ? Json() : text_or_null(reasons.of(unit))},
            {"why", is_asked ? Json("the site has not said whether it took it")
                             : text_or_null(task.end ? task.end->why : "")},
            {"restarts", slurm::restarts_of(unit)},
            {"nodes", text_or_null(task.seen.nodes)},
            {"exit_code", task.end ? Json(task.end->exit_code) : Json()},
            {"dir", folder_of(unit)},
            {"job_file", unit.root->job_file},
            {"submitted_at", format_utc(unit.root->asked_at)},
            {"ended_at", task.end ? Json(format_utc(task.end->at)) : Json()},
            {"submissions", ids_of(unit)}};
  if (unit.element != slurm::no_task) {
    view["array_job"] = unit.root->site_job;
    view["element"] = unit.element;
  }
  const auto state = state_of(slurm::state_of(unit));
  const bool has_begun = !task.seen.state.empty() && state != JobState::pending;
  view["progress"] = has_begun || slurm::restarts_of(unit) > 0 ? progress_of(unit) : Json();
  return view;
}

Rows site_job_rows(const std::vector<SiteUnit>& units, const WaitReasons& reasons, Arrays arrays,
                   std::size_t rows_max) {
  Rows rows{{"JOB", "NAME", "STATE", "BACK", "DONE", "STEP", "METRIC", "NODES", "WHY", "DIR"}};
  for (std::size_t i = 0; i < units.size() && rows.size() <= rows_max;) {
    std::size_t end = i + 1;
    const bool is_folded = arrays == Arrays::folded && units[i].element != slurm::no_task;
    while (is_folded && end < units.size() && units[end].root == units[i].root) ++end;
    rows.push_back(is_folded ? folded_row({&units[i], end - i})
                             : row_of(site_job_view(units[i], reasons)));
    i = end;
  }
  return rows;
}

Json site_record(const SiteUnit& unit) {
  const SiteTask& task = slurm::task_of(unit);
  const std::string dir = folder_of(unit);
  const Json report = report_of(dir);
  Json allocations = Json::array();
  double run_s = 0;
  const auto chain = allocations_of(unit);
  for (const slurm::Allocation& one : chain) {
    if (one.end) run_s += one.end->ended_at - one.began_at;  // of one clock, its head node's
    allocations.push_back(allocation_view(one));
  }
  // The head node's clock may be behind ours.
  const double queue_s =
      chain.empty() ? 0 : std::max(0.0, chain.front().began_at - unit.root->asked_at);
  Json record{{"id", text_or_null(slurm::site_id(unit.newest()))},
              {"where", "slurm"},
              {"name", unit.root->name},
              {"user", unit.root->user},
              {"state", slurm::state_of(unit)},
              {"submitted_at", format_utc(unit.root->asked_at)},
              {"started_at", chain.empty() ? Json() : Json(format_utc(chain.front().began_at))},
              {"ended_at", task.end ? Json(format_utc(task.end->at)) : Json()},
              {"queue_s", queue_s},
              {"run_s", run_s},
              {"attempts", allocations.size()},
              {"restarts", slurm::restarts_of(unit)},
              {"exit_code", task.end ? Json(task.end->exit_code) : Json()},
              {"why", text_or_null(task.end ? task.end->why : "")},
              {"dir", dir},
              {"submissions", ids_of(unit)}};
  if (unit.element != slurm::no_task) {
    record["array_job"] = unit.root->site_job;
    record["element"] = unit.element;
  }
  for (const char* member : {"kind", "steps", "digest", "checkpoints"})
    if (report.contains(member)) record[member] = report[member];
  record["allocations"] = std::move(allocations);
  return record;
}

}  // namespace sovren::cli
