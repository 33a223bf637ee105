// SPDX-License-Identifier: Apache-2.0
// sovren checkpoint JOB|DIR|FILE...: asks running jobs to seal a set now; a number is a queued job.
#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "cli/act.h"
#include "cli/job_directory.h"
#include "cli/job_input.h"
#include "cli/terminal.h"

namespace sovren::cli {
namespace {

Result<std::string> directory_of(const std::string& operand) {
  std::error_code ignored;
  if (std::filesystem::is_directory(operand, ignored)) return job_directory_of("-", "", operand);
  auto spec = read_job_file(operand, {});
  if (!spec) return fail(spec.error().front());
  return job_directory_of(operand, spec->name, "");
}

// The process that holds the lock of a job directory; not_found when nobody does.
Result<pid_t> runner_of(const JobDirectory& directory) {
  const Error idle{.code = Code::not_found,
                   .what = "no job is running in '" + directory.path() + "'"};
  std::error_code ignored;
  if (!std::filesystem::exists(directory.lock_file(), ignored)) return fail(idle);
  const auto lock = storage::FileLock::acquire(directory.lock_file(), "", 0);
  if (lock) return fail(idle);  // free: whoever held it is gone
  if (lock.error().code != Code::storage_busy) return fail(lock.error());
  SOVREN_TRY(holder, storage::read_file(directory.lock_file(), 4096));
  const int pid = holder.starts_with("pid ") ? std::atoi(holder.c_str() + 4) : 0;
  if (pid <= 0) return fail(idle);
  return pid;
}

bool is_job_id(const std::string& operand) {
  return !operand.empty() && operand.find_first_not_of("0123456789_") == std::string::npos;
}

}  // namespace

Result<int> request_checkpoint(const Arguments& arguments) {
  const auto queued = std::ranges::count_if(arguments.operands, is_job_id);
  if (queued == std::ssize(arguments.operands)) return act_on_jobs(arguments, "checkpoint");
  if (queued != 0)
    return fail({.code = Code::usage,
                 .what = "ids of queued jobs and folders are mixed",
                 .hint = "./12 is a folder"});
  for (const std::string& operand : arguments.operands) {
    SOVREN_TRY(path, directory_of(operand));
    const JobDirectory directory(path);
    SOVREN_TRY(pid, runner_of(directory));
    if (kill(pid, SIGUSR1) != 0)
      return fail({.code = errno == EPERM ? Code::refused : Code::not_found,
                   .what = "process " + std::to_string(pid) + " of '" + operand +
                           "' cannot be signalled: " + std::strerror(errno)});
    SOVREN_DO(
        print_text(operand + ": asked process " + std::to_string(pid) + " for a checkpoint\n"));
  }
  return exit_done;
}

}  // namespace sovren::cli
