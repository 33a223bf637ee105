// SPDX-License-Identifier: Apache-2.0
// sbatch: hands batch scripts to our own scheduler.
#include <algorithm>
#include <cstdio>

#include "cli/batch_submission.h"
#include "cli/client.h"
#include "cli/listing.h"
#include "cli/shims.h"
#include "cli/slurm_queue.h"
#include "cli/slurm_words.h"
#include "cli/terminal.h"
#include "core/model/state.h"

namespace sovren::cli {
namespace {

using text::Json;

constexpr double wait_at_once_s = 50;  // the API waits up to 60 s

void tell(const char* kind, const std::string& text) {
  std::fprintf(stderr, "sbatch: %s%s\n", kind, printable(text).c_str());
}

// Every error on a line of its own, with where it is.
Error told(const text::Errors& errors) {
  for (const Error& error : errors) {
    const std::string where = error.where.empty() ? "" : error.where + ": ";
    const std::string hint = error.hint.empty() ? "" : " (" + error.hint + ")";
    tell("error: ", where + error.what + hint);
  }
  return already_told();
}

std::string help_text() {
  std::string text =
      "Usage: sbatch [OPTIONS...] script [args...]\n"
      "Hands a batch script to the scheduler.\nOptions, as Slurm's sbatch has them:";
  for (const slurm::SbatchOption& option : slurm::sbatch_options()) {
    using Effect = slurm::SbatchOption::Effect;
    if (option.effect != Effect::job && option.effect != Effect::client) continue;
    text += "\n  ";
    text += option.letter == '\0' ? std::string("    ") : std::string{'-', option.letter, ',', ' '};
    text += "--" + std::string(option.name);
    if (option.argument == slurm::SbatchOption::Argument::required) text += "=VALUE";
  }
  return text + "\nWhat each becomes: docs/guide/slurm.md\n";
}

// The job's own exit code; 1 where it has none to tell why it is not COMPLETED.
int code_of(const SlurmJob& job) {
  if (job.state == JobState::completed) return exit_done;
  const bool is_own = job.state == JobState::failed && job.exit_code > 0 && job.exit_code <= 128;
  return is_own ? job.exit_code : exit_job_failed;
}

Result<int> wait_for(Client& client, const Json& ids) {
  int code = exit_done;
  for (const Json& id : ids) {
    const std::string target =
        target_of("/v1/jobs/" + id.dump(), {{"wait", Json(wait_at_once_s).dump()}});
    for (;;) {
      SOVREN_TRY(answer, client.get(target, wait_at_once_s + 30));
      SOVREN_TRY(found, text::get_member(answer, "job"));
      const SlurmJob job = slurm_job_of(*found);
      if (!is_final(job.state)) continue;
      code = std::max(code, code_of(job));
      break;
    }
  }
  return code;
}

Result<int> submit(const BatchSubmission& submission) {
  const slurm::ClientOptions& how = submission.client;
  if (!how.is_quiet)
    for (const std::string& warning : submission.warnings) tell("warning: ", warning);
  SOVREN_TRY(client, Client::create({}));
  auto answer = client.post_once("/v1/jobs", submission.body);
  if (!answer) return fail(told(answer.error()));
  if (how.is_test_only) {
    if (!how.is_quiet) tell("", "The job can run here. Nothing was submitted.");
    return exit_done;
  }
  SOVREN_TRY(id, text::get_int(*answer, "/jobs/0"));
  if (how.is_parsable)
    SOVREN_DO(print_text(std::to_string(id) + "\n"));
  else if (!how.is_quiet)
    SOVREN_DO(print_text("Submitted batch job " + std::to_string(id) + "\n"));
  return how.waits ? wait_for(client, (*answer)["jobs"]) : Result<int>(exit_done);
}

}  // namespace

Result<int> run_sbatch(const std::vector<std::string>& arguments) {
  const auto words = slurm::split_sbatch_words(arguments);
  if (!words) {
    told(words.error());
    std::fputs("Try \"sbatch --help\" for more information\n", stderr);
    return fail(already_told());
  }
  if (words->find("version") != nullptr) return print_text(slurm_version_line());
  if (words->find("help") != nullptr || words->find("usage") != nullptr)
    return print_text(help_text());
  const auto submission = sbatch_submission(*words);
  if (!submission) return fail(told(submission.error()));
  return submit(*submission);
}

}  // namespace sovren::cli
