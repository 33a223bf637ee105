// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "storage/file/file.h"

namespace sovren::cli {

/// The folder of one job: job.toml, events.db, checkpoints/, logs/, result/, report.json, and LOCK
/// while a run uses it.
class JobDirectory {
 public:
  explicit JobDirectory(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  std::string job_file() const { return path_ + "/job.toml"; }
  std::string checkpoints() const { return path_ + "/checkpoints"; }
  std::string result() const { return path_ + "/result"; }
  std::string report() const { return path_ + "/report.json"; }
  std::string lock_file() const { return path_ + "/LOCK"; }

  /// Where the event log is: here, or under $SOVREN_HOME when this folder is on a network file
  /// system.
  Result<std::string> event_log() const;

  /// Makes the folder and takes it for this process, once it is free. storage_busy names the
  /// process that has it after wait_s.
  Result<storage::FileLock> take(double wait_s = 0) const;

 private:
  std::string path_;
};

/// The job directory of a job file: `dir` if given, else <name>.sovren beside the file (array
/// elements: .../<index>).
std::string job_directory_of(const std::string& job_file, const std::string& job_name,
                             const std::string& dir);

/// $SOVREN_HOME, else $XDG_STATE_HOME/sovren, else ~/.local/state/sovren.
Result<std::string> sovren_home();

}  // namespace sovren::cli
