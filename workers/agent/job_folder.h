// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "workers/launch/identity.h"
#include "workers/launch/process.h"

namespace sovren::workers {

/// mkdir -p. Errors: storage_io.
Result<void> make_folders(const std::string& path);

/// The job's folder as the attempt expects it, made by the job's user: job.toml as the order says,
/// checkpoints/, logs/ (a command's comes with its first output), and the script of a command.
/// Errors: storage_io.
Result<void> prepare_job_folder(const AttemptOrder& order, const std::optional<Identity>& user);

/// logs/launch.log of a job's folder, to append to, opened by the job's user. Errors: storage_io.
Result<Handle> open_launch_log(const std::string& dir, const std::optional<Identity>& user);

/// The file that prepare_job_folder() writes a command's script to.
std::string script_file(const AttemptOrder& order);

}  // namespace sovren::workers
