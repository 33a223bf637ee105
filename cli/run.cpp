// SPDX-License-Identifier: Apache-2.0
// sovren run FILE: read, check, then run each job of the file here.
#include <cstdio>

#include "cli/command.h"
#include "cli/embedded_run.h"
#include "cli/job_input.h"
#include "cli/preflight.h"
#include "cli/report.h"
#include "cli/terminal.h"
#include "core/text/json.h"
#include "core/text/sequence.h"
#include "storage/file/sequence.h"
#include "workers/launch/programs.h"

namespace sovren::cli {
namespace {

// A job whose inputs were read and found good, and where it will live.
struct CheckedJob {
  RunRequest request;
  JobDirectory directory;
  std::string sequence;  ///< of add_to_sequence(); empty: its pictures are of none
};

// The jobs of the file with their places in its array: all, or the one of --element.
struct Element {
  std::int64_t place = 0;
  JobSpec spec;
};
Result<std::vector<Element>> elements_of(const JobSpec& spec, const Arguments& arguments) {
  std::vector<Element> elements;
  if (arguments.has("element")) {
    if (spec.array.empty())
      return fail({.code = Code::usage,
                   .what = "--element chooses one of [array], and the job file has none",
                   .hint = "run it without --element"});
    SOVREN_TRY(place, arguments.number("element", 0, 0, text::array_size(spec) - 1));
    SOVREN_TRY(one, text::expand_element(spec, place));
    elements.push_back({place, std::move(one)});
    return elements;
  }
  SOVREN_TRY(all, text::expand_array(spec));
  for (JobSpec& one : all) elements.push_back({std::ssize(elements), std::move(one)});
  return elements;
}

Result<std::vector<CheckedJob>> check_all(const JobSpec& spec, const Arguments& arguments) {
  SOVREN_TRY(site, site_run_of(arguments));
  SOVREN_TRY(elements, elements_of(spec, arguments));
  SOVREN_TRY(programs, workers::find_programs());
  std::vector<CheckedJob> jobs;
  for (Element& element : elements) {
    // The site has given the nodes; to the embedded scheduler they are one.
    if (site) element.spec.resources.nodes = 1;
    std::string dir = job_directory_of(arguments.operands[0], spec.name, arguments.text("dir"));
    const auto stem = text::sequence_stem(spec, element.place);
    const std::string sequence = stem ? dir + "/sequence/" + *stem : "";
    if (text::array_size(spec) > 1) dir += "/" + std::to_string(element.place);
    SOVREN_TRY(preflight, check_inputs(element.spec, programs.rank));
    jobs.push_back({.request = {.spec = std::move(element.spec),
                                .facts = std::move(preflight.facts),
                                .start = arguments.has("fresh") ? RunRequest::Start::fresh
                                                                : RunRequest::Start::resume,
                                .programs = programs,
                                .warnings = std::move(preflight.warnings),
                                .site = site},
                    .directory = JobDirectory(dir),
                    .sequence = sequence});
  }
  return jobs;
}

// Runs one job to its end and leaves its report.
Result<int> run_one(const CheckedJob& job, const Arguments& arguments, SignalInbox& signals,
                    std::string& json) {
  const bool is_talkative = !arguments.has("json") && !arguments.has("quiet");
  if (job.request.site) {
    SOVREN_TRY(is_done, is_done_before(*job.request.site, job.directory));
    if (is_done) {
      SOVREN_TRY(report, storage::read_file(job.directory.report()));
      json = std::move(report);
      if (!is_talkative) return exit_done;
      return print_text(job.request.spec.name + ": COMPLETED before, by this job of the site\n");
    }
  }
  ProgressLine progress(job.request.spec.name, ProgressLine::mode_for(arguments.has("quiet")));
  SOVREN_TRY(outcome, run_embedded(job.request, job.directory, signals, progress));
  json = report_json(outcome, job.directory);
  SOVREN_DO(storage::write_file_atomic(job.directory.report(), json));
  if (!job.sequence.empty() && outcome.job.state == JobState::completed)
    SOVREN_DO(storage::add_to_sequence(job.directory.result(), job.sequence));
  if (outcome.exit_code != exit_done && outcome.exit_code != exit_checkpointed && outcome.job.error)
    print_error(*outcome.job.error);
  if (is_talkative) SOVREN_DO(print_text(report_text(outcome, job.directory)));
  return outcome.exit_code;
}

Result<int> run_all(const std::vector<CheckedJob>& jobs, const Arguments& arguments) {
  SignalInbox signals;
  int code = exit_done;
  std::string reports;
  for (const CheckedJob& job : jobs) {
    std::string json;
    const auto ended = run_one(job, arguments, signals, json);
    if (!ended) return fail(ended.error());
    if (code == exit_done) code = *ended;
    reports += (reports.empty() ? "" : ",\n") + json;
    if (*ended == exit_checkpointed || *ended == cli_exit_code(Code::interrupted))
      break;  // the user said stop
  }
  if (!arguments.has("json")) return code;
  if (jobs.size() > 1)
    reports = "{\"schema\": \"sovren.reports/1\", \"jobs\": [\n" + reports + "]}\n";
  SOVREN_DO(print_text(reports));
  return code;
}

}  // namespace

Result<int> run_job(const Arguments& arguments) {
  SOVREN_TRY(overrides, read_overrides(arguments));
  const auto spec = read_job_file(arguments.operands[0], overrides);
  if (!spec) return fail(print_all_but_last(spec.error()));
  if (arguments.has("dry-run")) return print_text(text::print_job_file(*spec));
  SOVREN_TRY(jobs, check_all(*spec, arguments));
  return run_all(jobs, arguments);
}

}  // namespace sovren::cli
