// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "slurm/script/directives.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

/// A batch script with #SBATCH lines, ready to be handed to our own scheduler.
struct BatchSubmission {
  text::Json body;  ///< of POST /v1/jobs: text, name, base_dir, overrides, hold, dry_run
  text::SourceText script;
  std::vector<text::Override> overrides;  ///< as the body has them
  slurm::ClientOptions client;
  std::vector<std::string> warnings;
};

/// Is this script to be read as sbatch would?
bool is_batch_script(const text::SourceText& script);

/// What is to be submitted, as sbatch would from the current folder with this process's environment
/// and clock.
struct BatchRequest {
  text::SourceText script;                  ///< as read_job_text reads it
  std::vector<slurm::GivenOption> options;  ///< of sbatch's command line
  std::vector<std::string> arguments;       ///< of the script
  std::vector<text::Override> further;      ///< win over all else (--set)
  bool is_array = false;                    ///< by other means than these
};

/// Errors: as slurm::read_batch.
tl::expected<BatchSubmission, text::Errors> batch_submission(const BatchRequest& request);

/// What `sbatch WORDS` would submit: the script that it names, as sbatch looks for it (the current
/// folder or --chdir, then the PATH), standard input, or what --wrap says. Errors: also
/// input_missing.
tl::expected<BatchSubmission, text::Errors> sbatch_submission(const slurm::SbatchWords& words);

}  // namespace sovren::cli
