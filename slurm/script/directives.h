// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/text/job_file.h"
#include "slurm/script/sbatch_options.h"

namespace sovren::slurm {

/// The time where a job is submitted: what "16:00" and "now+1hour" are reckoned from.
struct WallClock {
  Instant now;
  /// Seconds that local time is ahead of UTC at a moment. None: UTC.
  std::function<std::int64_t(Instant)> ahead_of_utc_s;
};

/// A batch script on its way to our own scheduler, and all that sbatch would look at besides.
struct BatchSource {
  text::SourceText script;             ///< `base_dir`: where it is submitted from, absolute
  std::vector<GivenOption> options;    ///< of the command line: split_sbatch_words
  std::vector<std::string> arguments;  ///< of the script
  bool is_array = false;               ///< by other means than an option of sbatch
  /// Of the submission: the job gets it (--export), and SBATCH_* variables are options.
  std::vector<std::pair<std::string, std::string>> environment;
  WallClock clock;
  /// Reads the file of --export-file; none: there are no files.
  std::function<Result<std::string>(const std::string& path)> read_file;
};

/// What is asked of the program that submits, not of the job.
struct ClientOptions {
  bool is_parsable = false;   ///< --parsable
  bool is_quiet = false;      ///< --quiet
  bool is_test_only = false;  ///< --test-only: a dry run
  bool waits = false;         ///< --wait
  int verbosity = 0;          ///< --verbose, so often
  bool operator==(const ClientOptions&) const = default;
};

/// A batch script in our own terms: a [command] job that is run once, on the head node.
struct BatchJob {
  text::SourceText script;  ///< with its name; of --wrap the text that sbatch would make
  /// Keys of the job file. Those that a #SOVREN line sets are left out, unless sbatch's command
  /// line says otherwise.
  std::vector<text::Override> overrides;
  bool is_held = false;
  ClientOptions client;
  std::vector<std::string> warnings;
};

/// Has the script a "#SBATCH" line above its first command?
bool has_directives(std::string_view script);

/// Reads the options of a batch script as sbatch 22.05 does: "#SBATCH" lines up to the first
/// command, SBATCH_* variables, the command line; each wins over those before it. What an option
/// becomes stands in the table of sbatch_options.h.
///
/// Defaults  1 rank, or one a node; output slurm-%j.out (arrays: slurm-%A_%a.out), truncated, in
///           the folder of the submission or --chdir; the submission's environment; no retry of a
///           script that failed, but a new start after its node was lost (--no-requeue: none).
/// Errors    spec_invalid: malformed, all of them, `where` is "job.sh:3:9", "--ntasks=four" or
///           "SBATCH_TIMELIMIT=soon"; refused: options without which the job would do something
///           else than was asked.
tl::expected<BatchJob, text::Errors> read_batch(const BatchSource& source);

}  // namespace sovren::slurm
