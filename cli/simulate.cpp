// SPDX-License-Identifier: Apache-2.0
#include "scheduler/sim/simulate.h"

#include <cmath>
#include <cstdio>

#include "cli/command.h"
#include "cli/terminal.h"
#include "core/base/units.h"
#include "core/text/json.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

using sim::Summary;

struct Setting {
  std::string path;
  sim::Trace trace;
  std::vector<const sim::NamedPolicy*> policies;
  sim::SimConfig config;
  bool has_windows = false;
  std::string gantt;
};

Result<double> duration(const Arguments& arguments, std::string_view option, double otherwise) {
  if (!arguments.has(option)) return otherwise;
  auto seconds = parse_duration_s(arguments.text(option));
  if (!seconds) {
    seconds.error().code = Code::usage;
    return fail(std::move(seconds).error().within("reading --" + std::string(option)));
  }
  return seconds;
}

std::string stem_of(const std::string& path) {
  std::string name = path.substr(path.find_last_of('/') + 1);
  for (const char* ending : {".gz", ".swf"})
    if (name.ends_with(ending)) name.resize(name.size() - std::string_view(ending).size());
  return name;
}

Result<Setting> read_setting(const Arguments& arguments) {
  Setting setting;
  setting.path = arguments.operands.at(0);
  setting.has_windows = arguments.text("protocol") == "rlscheduler";
  setting.gantt = arguments.text("gantt");
  const std::string policy =
      arguments.has("policy") ? arguments.text("policy") : "checkpoint-preemptive";
  if (policy == "all") {
    for (const sim::NamedPolicy& one : sim::named_policies()) setting.policies.push_back(&one);
  } else {
    SOVREN_TRY(found, sim::find_policy(policy));
    setting.policies.push_back(found);
  }
  if (!setting.gantt.empty() && (setting.policies.size() > 1 || setting.has_windows))
    return fail({.code = Code::usage, .what = "--gantt draws one policy over a whole trace"});
  SOVREN_TRY(nodes, arguments.number("nodes", 0, 1, 100'000'000));
  SOVREN_TRY(seed, arguments.number("seed", 1, 0, INT64_MAX));
  setting.config.seed = static_cast<std::uint64_t>(seed);
  SOVREN_TRY(quantum, duration(arguments, "quantum", 600));
  SOVREN_TRY(cost, duration(arguments, "checkpoint-cost", 120));
  SOVREN_TRY(mtbf, duration(arguments, "mtbf", 0));
  SOVREN_TRY(repair, duration(arguments, "repair-time", 3600));
  setting.config.quantum_s = quantum;
  setting.config.checkpoint_cost_s = cost;
  setting.config.mtbf_s = mtbf;
  setting.config.repair_s = repair;
  setting.config.keeps_attempts = !setting.gantt.empty();
  SOVREN_TRY(text, sim::read_trace_file(setting.path));
  SOVREN_TRY(trace,
             sim::parse_swf(text, setting.path,
                            setting.has_windows ? sim::Cleaning::rlscheduler : sim::Cleaning::full,
                            static_cast<int>(nodes)));
  setting.trace = std::move(trace);
  return setting;
}

Result<Summary> run_windows(const Setting& setting, const sim::SimConfig& config) {
  std::vector<Summary> summaries;
  const auto& jobs = setting.trace.jobs;
  for (const int start : sim::window_starts) {
    if (static_cast<std::size_t>(start + sim::window_jobs) > jobs.size())
      return fail({.code = Code::data_invalid,
                   .what = "the trace has " + std::to_string(jobs.size()) +
                           " jobs; the window at " + std::to_string(start) + " needs " +
                           std::to_string(start + sim::window_jobs),
                   .where = setting.path});
    const std::vector<sim::TraceJob> window(jobs.begin() + start,
                                            jobs.begin() + start + sim::window_jobs);
    summaries.push_back(sim::summarise(sim::simulate(window, setting.trace.procs, config)));
  }
  return sim::mean_of(summaries);
}

Result<Summary> run_one(const Setting& setting, const sim::NamedPolicy& policy) {
  sim::SimConfig config = setting.config;
  config.policy = &policy;
  if (setting.has_windows) return run_windows(setting, config);
  const sim::SimResult result = sim::simulate(setting.trace.jobs, setting.trace.procs, config);
  if (!setting.gantt.empty())
    SOVREN_DO(storage::write_file_atomic(
        setting.gantt,
        sim::gantt_svg(result, stem_of(setting.path) + ", " + std::string(policy.name))));
  return sim::summarise(result);
}

text::Json spread_json(const sim::Spread& spread) {
  return {{"mean", spread.mean},
          {"median", spread.median},
          {"p95", spread.p95},
          {"p99", spread.p99},
          {"max", spread.max}};
}

text::Json summary_json(const Setting& setting, const sim::NamedPolicy& policy,
                        const Summary& summary) {
  text::Json json{{"schema", "sovren.simulation/1"},
                  {"trace", stem_of(setting.path)},
                  {"policy", policy.name},
                  {"protocol", setting.has_windows ? "rlscheduler" : "full"},
                  {"jobs", summary.jobs},
                  {"dropped", setting.trace.dropped},
                  {"cut_to_request", setting.trace.cut},
                  {"procs", summary.procs},
                  {"bounded_slowdown", spread_json(summary.bounded_slowdown)},
                  {"wait_s", spread_json(summary.wait_s)},
                  {"utilisation", summary.utilisation},
                  {"preemptions", summary.preemptions},
                  {"makespan_s", summary.makespan_s}};
  if (setting.config.mtbf_s > 0) json["failures"] = summary.failures;
  return json;
}

std::string cell(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 100 ? "%.2f" : "%.0f", value);
  return text;
}

std::vector<std::string> row_of(const sim::NamedPolicy& policy, const Summary& summary) {
  const sim::Spread& b = summary.bounded_slowdown;
  const sim::Spread& w = summary.wait_s;
  return {std::string(policy.name),
          cell(b.mean),
          cell(b.median),
          cell(b.p95),
          cell(b.p99),
          cell(b.max),
          cell(w.mean),
          cell(w.median),
          cell(w.p95),
          cell(w.p99),
          cell(w.max),
          cell(summary.utilisation),
          cell(summary.preemptions / static_cast<double>(summary.jobs)),
          cell(summary.makespan_s / 86'400)};
}

std::string heading(const Setting& setting) {
  const sim::Trace& trace = setting.trace;
  std::string text = stem_of(setting.path) + ": " +
                     format_count(static_cast<double>(trace.jobs.size())) + " jobs on " +
                     format_count(trace.procs) + " processors; of " + format_count(trace.lines) +
                     " lines " + format_count(trace.dropped) + " dropped";
  if (setting.has_windows)
    return text + " (RLScheduler's cleaning); means over its 10 windows of 1,024 jobs\n";
  return text + " (run or processors <= 0, or more processors than there are), " +
         format_count(trace.cut) + " run times cut to the request\n";
}

}  // namespace

Result<int> simulate_trace(const Arguments& arguments) {
  SOVREN_TRY(setting, read_setting(arguments));
  text::Json documents = text::Json::array();
  std::vector<std::vector<std::string>> rows{{"policy", "slowdown", "median", "p95", "p99", "max",
                                              "wait s", "median", "p95", "p99", "max", "in use",
                                              "preempted", "days"}};
  for (const sim::NamedPolicy* policy : setting.policies) {
    SOVREN_TRY(summary, run_one(setting, *policy));
    documents.push_back(summary_json(setting, *policy, summary));
    rows.push_back(row_of(*policy, summary));
  }
  if (!arguments.has("json"))
    return print_text(
        heading(setting) + "\n" + format_table(rows) +
        "\nslowdown: bounded, max(1, (end - submit) / max(run, 10 s)); wait: all time "
        "not running; preempted: times per job\n");
  if (setting.policies.size() == 1) return print_text(text::dump_json(documents.front(), 2) + "\n");
  return print_text(
      text::dump_json({{"schema", "sovren.simulations/1"}, {"simulations", documents}}, 2) + "\n");
}

}  // namespace sovren::cli
