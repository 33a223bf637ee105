// SPDX-License-Identifier: Apache-2.0
// sovren slurm submit FILE..., sovren submit --to slurm FILE...
#include "cli/site_submission.h"
#include "cli/slurm.h"
#include "cli/terminal.h"
#include "core/text/json.h"

namespace sovren::cli {
namespace {

using text::Json;

Result<int> print_dry_run(const SiteRequest& request, const Arguments& arguments,
                          const slurm::SiteCommand& site) {
  SOVREN_TRY(script, site_script(request, request.dir + "/job.toml", "", arguments, site));
  for (const std::string& warning : script.warnings) print_warning(warning);
  SOVREN_DO(print_text(script.text));
  const auto said = try_at_site(script, site);
  if (!said && said.error().code != Code::unreachable) return fail(said.error());
  print_warning("nothing was submitted; " + (said
                                                 ? "the site says: " + *said
                                                 : "the site was not asked: " + said.error().what));
  return exit_done;
}

Json view_of(const SiteRequest& request, const SiteSubmission& done) {
  return {{"schema", "sovren.site_submission/1"},
          {"site_job", done.site_job},
          {"name", request.spec.name},
          {"dir", request.dir},
          {"script", done.script},
          {"array_tasks", request.spec.array.empty() ? 0 : text::array_size(request.spec)},
          {"warnings", done.warnings}};
}

}  // namespace

Result<int> submit_to_site(const std::vector<JobText>& jobs, const Arguments& arguments) {
  if (jobs.size() > 1 && arguments.has("dir"))
    return fail(
        {.code = Code::usage,
         .what = "--dir is the directory of one job, not of " + std::to_string(jobs.size())});
  if (arguments.has("connect"))
    return fail({.code = Code::usage,
                 .what = "--connect names a scheduler of ours; --to slurm "
                         "asks the site of this machine"});
  std::vector<SiteRequest> requests;
  for (const JobText& job : jobs) {
    auto request = read_site_request(job, arguments);
    if (!request) return fail(print_all_but_last(std::move(request).error()));
    requests.push_back(*std::move(request));
  }
  const slurm::SiteCommand site = slurm::site_command();
  SOVREN_TRY(path, ledger_path());
  Json views = Json::array();
  for (const SiteRequest& request : requests) {
    if (arguments.has("dry-run")) {
      SOVREN_DO(print_dry_run(request, arguments, site));
      continue;
    }
    SOVREN_TRY(ledger, slurm::Ledger::open(path));
    SOVREN_TRY(done, submit_to_site(request, arguments, ledger, site));
    for (const std::string& warning : done.warnings) print_warning(warning);
    if (arguments.has("json"))
      views.push_back(view_of(request, done));
    else
      SOVREN_DO(print_text(done.site_job + "\n"));
  }
  if (!arguments.has("json") || arguments.has("dry-run")) return exit_done;
  const Json document = views.size() == 1 ? views.front()
                                          : Json{{"schema", "sovren.site_submissions/1"},
                                                 {"submissions", std::move(views)}};
  return print_text(text::dump_json(document, 2) + "\n");
}

Result<int> submit_to_site(const Arguments& arguments) {
  SOVREN_DO(arguments.only("slurm submit",
                           {"dir", "launcher", "continue", "set", "ranks", "backend", "time-limit",
                            "oversubscribe", "array", "after", "hold", "dry-run", "json"}));
  if (arguments.operands.size() < 2)
    return fail({.code = Code::usage,
                 .what = "sovren slurm submit takes FILE...; nothing is given",
                 .hint = "sovren slurm submit job.toml"});
  std::vector<JobText> jobs;
  for (std::size_t i = 1; i < arguments.operands.size(); ++i) {
    SOVREN_TRY(job, read_job_text(arguments.operands[i]));
    jobs.push_back(std::move(job));
  }
  return submit_to_site(jobs, arguments);
}

}  // namespace sovren::cli
