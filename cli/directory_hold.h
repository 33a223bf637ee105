// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "cli/job_directory.h"
#include "cli/site_run.h"
#include "core/base/result.h"
#include "core/port/event_log.h"
#include "storage/file/file.h"
#include "storage/log/event_log.h"

namespace sovren::cli {

/// This run's hold of a job directory. The lock keeps other runs out, as far as it reaches. In an
/// allocation there is more: the file OWNER says which allocation works here. A site may start a
/// job again while what it ran before goes on (its node's slurmd died): the newer allocation writes
/// itself down as the owner, and the older one, which looks each second, ends its ranks and itself.
///
/// Newer    The same site job, requeued more often; or a submission that continues the owner's.
///          Nobody else takes a directory over: an older one is told so, and an unrelated run needs
///          the lock.
/// Stuck    An older run that keeps the lock (it is frozen, or on a host whose locks do not reach
///          here) is waited for takeover_wait_s. Then this one goes on without it, with a log of
///          its own: the fence of the checkpoints keeps what the other still does from counting.
/// Errors   storage_busy: another run has it; fenced: a newer allocation has; storage_io.
class DirectoryHold {
 public:
  static constexpr double takeover_wait_s = 5;

  static Result<DirectoryHold> take(const JobDirectory& directory,
                                    const std::optional<SiteRun>& site);

  /// The event log of the directory, or a new one where a stuck run keeps that.
  Result<std::unique_ptr<storage::DurableLog>> open_log() const;

  enum class Look { now_and_then, now };
  /// fenced once a newer allocation has taken the directory over; it stays so. now_and_then: looks
  /// at the file once a second.
  Result<void> check(Look look = Look::now_and_then);

 private:
  DirectoryHold(JobDirectory directory, std::string token)
      : directory_(std::move(directory)), token_(std::move(token)) {}
  std::string owner_file() const { return directory_.path() + "/OWNER"; }
  Result<void> take_as(const slurm::AllocationHere& allocation);
  Result<void> write_owner(const slurm::AllocationHere& allocation) const;

  JobDirectory directory_;
  std::string token_;  ///< of the owner that this run is; empty: it is in no allocation
  std::optional<storage::FileLock> lock_;
  std::chrono::steady_clock::time_point looked_at_;
  std::optional<Error> lost_;
};

}  // namespace sovren::cli
