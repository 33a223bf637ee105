// SPDX-License-Identifier: Apache-2.0
// sovren slurm WHAT ...: jobs at a Slurm site.
#include "cli/slurm.h"

#include <array>
#include <filesystem>

#include "cli/site_request.h"
#include "cli/terminal.h"
#include "core/text/nearest.h"

namespace sovren::cli {
namespace {

// One line for each WHAT.
struct Verb {
  std::string_view name;
  Result<int> (*run)(const Arguments&);
};

constexpr std::array verbs{
    Verb{"script", print_site_script}, Verb{"submit", submit_to_site},
    Verb{"status", show_site_jobs},    Verb{"wait", wait_for_site_jobs},
    Verb{"cancel", cancel_site_jobs},  Verb{"shims", make_shims},
};

}  // namespace

Result<int> use_slurm(const Arguments& arguments) {
  const std::string& word = arguments.operands[0];
  std::vector<std::string_view> names;
  for (const Verb& verb : verbs) {
    names.push_back(verb.name);
    if (verb.name == word) return verb.run(arguments);
  }
  std::string list;
  for (const std::string_view name : names) list += (list.empty() ? "" : ", ") + std::string(name);
  const std::string near = text::nearest(word, names);
  return fail(
      {.code = Code::usage,
       .what = "sovren slurm does " + list + ", not '" + word + "'",
       .hint = near.empty() ? "sovren slurm --help" : "did you mean: sovren slurm " + near});
}

Result<int> print_site_script(const Arguments& arguments) {
  SOVREN_DO(
      arguments.only("slurm script", {"dir", "launcher", "continue", "set", "ranks", "backend",
                                      "time-limit", "oversubscribe", "array", "after"}));
  if (arguments.operands.size() != 2)
    return fail({.code = Code::usage,
                 .what = "sovren slurm script takes one FILE",
                 .hint = "sovren slurm script job.toml"});
  SOVREN_TRY(job, read_job_text(arguments.operands[1]));
  auto request = read_site_request(job, arguments);
  if (!request) return fail(print_all_but_last(std::move(request).error()));
  if (request->file.empty())
    return fail({.code = Code::refused,
                 .what = "the script names the job file that the nodes read: standard input and "
                         "batch scripts have none",
                 .hint = "sovren slurm submit takes them, and keeps a job file",
                 .where = job.name});
  // sbatch makes no folders, and what a job prints into none is lost.
  std::error_code error;
  const std::string logs = request->dir + "/logs";
  std::filesystem::create_directories(logs, error);
  if (error)
    print_warning(logs + " cannot be made (" + error.message() +
                  "): it must be there before sbatch is called");
  SOVREN_TRY(script, site_script(*request, request->file, "", arguments, slurm::site_command()));
  for (const std::string& warning : script.warnings) print_warning(warning);
  return print_text(script.text);
}

}  // namespace sovren::cli
