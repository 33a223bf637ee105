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
  const auto said = try_at_site(script.text, {}, site);
  if (!said && said.error().code != Code::unreachable) return fail(said.error());
  print_warning("nothing was submitted; " + (said
                                                 ? "the site says: " + *said
                                                 : "the site was not asked: " + said.error().what));
  return exit_done;
}

// Of a script of the site's own: sbatch has the same options.
Result<std::vector<std::string>> sbatch_options(const JobText& script, const Arguments& arguments) {
  for (const char* option :
       {"dir", "launcher", "continue", "set", "ranks", "backend", "time-limit", "oversubscribe"})
    if (arguments.has(option))
      return fail({.code = Code::usage,
                   .what = "a script with #SBATCH lines takes no --" + std::string(option) +
                           ": the site gets it as it is",
                   .hint = "say it in a #SBATCH line",
                   .where = script.name});
  std::vector<std::string> options;
  if (arguments.has("hold")) options.push_back("--hold");
  if (arguments.has("array")) options.push_back("--array=" + arguments.text("array"));
  SOVREN_TRY(dependencies, slurm::slurm_dependencies(arguments.text("after")));
  if (!dependencies.empty()) options.push_back("--dependency=" + dependencies);
  return options;
}

// One FILE: a job, or a script of the site's own.
struct Item {
  JobText text;
  std::optional<SiteRequest> request;
  std::vector<std::string> options;  // of sbatch, for a script
};

Result<std::vector<Item>> read_items(const std::vector<JobText>& jobs, const Arguments& arguments) {
  std::vector<Item> items;
  for (const JobText& job : jobs) {
    Item item{.text = job, .request = {}, .options = {}};
    if (is_site_script(job)) {
      SOVREN_TRY(options, sbatch_options(job, arguments));
      item.options = std::move(options);
    } else {
      auto request = read_site_request(job, arguments);
      if (!request) return fail(print_all_but_last(std::move(request).error()));
      item.request = *std::move(request);
    }
    items.push_back(std::move(item));
  }
  return items;
}

Result<int> try_item(const Item& item, const Arguments& arguments, const slurm::SiteCommand& site) {
  if (item.request) return print_dry_run(*item.request, arguments, site);
  SOVREN_TRY(said, try_at_site(item.text.text, item.options, site));
  return print_text(said + "\n");
}

Result<Json> submit_item(const Item& item, const Arguments& arguments,
                         const slurm::SiteCommand& site) {
  Json view{{"schema", "sovren.site_submission/1"}};
  if (!item.request) {
    SOVREN_TRY(site_job, pass_to_site(item.text, item.options, site));
    view["site_job"] = site_job;
    view["script"] = item.text.name;
    return view;
  }
  const JobSpec& spec = item.request->spec;
  SOVREN_TRY(path, ledger_path());
  SOVREN_TRY(ledger, slurm::Ledger::open(path));
  SOVREN_TRY(done, submit_to_site(*item.request, arguments, ledger, site));
  for (const std::string& warning : done.warnings) print_warning(warning);
  view["site_job"] = done.site_job;
  view["name"] = spec.name;
  view["dir"] = item.request->dir;
  view["script"] = done.script;
  view["array_tasks"] = spec.array.empty() ? 0 : text::array_size(spec);
  view["warnings"] = done.warnings;
  return view;
}

Result<int> print_views(const Json& views, const Arguments& arguments) {
  if (!arguments.has("json") || views.empty()) return exit_done;
  const Json document = views.size() == 1
                            ? views.front()
                            : Json{{"schema", "sovren.site_submissions/1"}, {"submissions", views}};
  return print_text(text::dump_json(document, 2) + "\n");
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
  SOVREN_TRY(items, read_items(jobs, arguments));
  const slurm::SiteCommand site = slurm::site_command();
  Json views = Json::array();
  for (const Item& item : items) {
    if (arguments.has("dry-run")) {
      SOVREN_DO(try_item(item, arguments, site));
      continue;
    }
    auto view = submit_item(item, arguments, site);
    if (!view) {  // those before it are in the queue: their ids are not lost
      SOVREN_DO(print_views(views, arguments));
      return fail(std::move(view).error());
    }
    if (!arguments.has("json"))
      SOVREN_DO(print_text(text::get_string(*view, "site_job").value_or("") + "\n"));
    views.push_back(*std::move(view));
  }
  return print_views(views, arguments);
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
