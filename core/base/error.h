// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovren {

/// Every way in which Sovren can fail. Closed: each code stands in docs/errors.md, and tests/tidy
/// checks that it does.
enum class Code {
  usage,            ///< the command line is wrong; nothing changed
  spec_invalid,     ///< a job file or configuration is wrong; nothing changed
  data_invalid,     ///< an input file is there, but what it holds cannot be used
  input_missing,    ///< an input file is not there or cannot be read
  refused,          ///< well formed, but not permitted, over a limit, or can never run
  not_found,        ///< no such job, checkpoint set, ...
  unreachable,      ///< the scheduler does not answer
  storage_io,       ///< a read, write or fsync failed, or the disk is full
  storage_corrupt,  ///< durable data does not match its checksum or its schema
  storage_busy,     ///< another process holds the directory or the log
  fenced,           ///< a later attempt has taken over: this one must not write
  peer_lost,        ///< another rank died or did not answer before the deadline
  device,           ///< an accelerator failed or is not there
  mismatch,     ///< launched in another shape than the job asks for, or a checkpoint of another job
  timed_out,    ///< a time limit passed
  interrupted,  ///< stopped by the user before anything could be saved
  command_failed,  ///< a user's command ended with an exit code of its own
  out_of_memory,   ///< it used more memory than it was granted
  bug,             ///< a bug in Sovren
};

/// Stable name of a code, as printed in JSON and in docs/errors.md.
std::string_view name(Code code);

/// Exit code of `sovren` for an error (docs/errors.md).
int cli_exit_code(Code code);

/// Exit code of `sovren-rank` for an error; says whether the scheduler retries (docs/errors.md).
int rank_exit_code(Code code);

/// The code that stands behind an exit code of `sovren-rank`; bug for one that it never returns.
Code code_of_rank_exit(int exit_code);

/// Process exit codes that are no errors.
inline constexpr int exit_done = 0;
inline constexpr int exit_job_failed = 1;
inline constexpr int exit_checkpointed =
    85;  ///< stopped after a sealed checkpoint: the same command again resumes

/// What went wrong, where, and what to do about it. Made by the function that sees it; callers add
/// context with within().
struct Error {
  Code code = Code::bug;
  std::string what;   ///< one sentence, names the value and what is allowed
  std::string hint;   ///< the next thing to do; may be empty
  std::string where;  ///< "job.toml:3:9", a path, "job 12 attempt 3 rank 0"; may be empty
  std::vector<std::string> context;  ///< what was being done, innermost first

  /// Adds one line of context: "restoring job 12".
  Error within(std::string activity) && {
    context.push_back(std::move(activity));
    return std::move(*this);
  }
  bool operator==(const Error&) const = default;
};

/// "where: what (while a, while b)\n  hint: ..." for a person.
std::string to_text(const Error& error);

}  // namespace sovren
