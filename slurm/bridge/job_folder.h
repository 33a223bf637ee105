// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/units.h"
#include "slurm/bridge/site_job.h"

namespace sovren::slurm {

/// How far a job is, as `sovren run --launcher` writes it into DIR/progress.json every few seconds:
/// its event log is open while it runs.
struct FolderProgress {
  std::int64_t step = 0;
  double fraction = -1;  ///< 0 to 1; -1: not known
  std::map<std::string, double> metrics;
  std::int64_t sealed_step = -1;  ///< -1: no checkpoint set yet
  int attempt = 0;
  Instant at;  ///< by the clock of its head node: to be shown, not to be compared
  bool operator==(const FolderProgress&) const = default;
};

/// File name of it in the job directory.
inline constexpr std::string_view progress_file_name = "progress.json";

/// Replaces the file in one step, so that readers see all of one or all of another. Not durable:
/// nothing depends on it. Errors: storage_io.
Result<void> write_progress(const std::string& dir, const FolderProgress& progress);

/// None: it is not there or cannot be read.
std::optional<FolderProgress> read_progress(const std::string& dir);

/// When the last allocation of this task of a site ended, by the clock of its head node; none: its
/// directory does not say.
std::optional<Instant> end_time_in_folder(const std::string& dir, const std::string& task);

/// How this task of a site ended, by the allocations and the report in its directory: when the site
/// itself has forgotten it. None: they say nothing of this task.
std::optional<SiteEnd> end_by_folder(const std::string& dir, const std::string& task);

}  // namespace sovren::slurm
