// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/model/event.h"

namespace sovren {

/// What is kept of a job that has ended, for good: the State forgets it after a while.
struct JobRecord {
  JobId id;
  JobId array_job;            ///< first job of its array; none: not of an array
  std::int64_t element = -1;  ///< place in it
  std::string name;
  std::string kind;
  std::string user;
  std::string account;
  std::string partition;
  std::string qos;
  JobState state = JobState::completed;
  Instant submitted_at;
  Instant started_at;  ///< first attempt; 1970 where there was none
  Instant ended_at;
  double queue_s = 0;  ///< waiting before each start, summed
  double run_s = 0;    ///< of all attempts
  double cpu_s = 0;    ///< cores that the last attempt held, times run_s
  double gpu_s = 0;
  int ranks = 0;  ///< of the last attempt, as nodes
  int nodes = 0;
  int attempts = 0;
  int preemptions = 0;
  int seals = 0;
  double blocked_s = 0;  ///< that seals made it stand still
  double restore_s = 0;
  int exit_code = 0;
  std::string why;
  std::string digest;  ///< of the result
  std::string dir;
  bool operator==(const JobRecord&) const = default;
};

/// Which records, newest end first. An empty text or none: any.
struct HistoryQuery {
  std::optional<Instant> since;  ///< ended at or after
  std::optional<Instant> until;  ///< ended before
  std::string user;
  std::optional<JobState> state;
  std::size_t limit = 100;
  JobId after;  ///< go on behind this record of an earlier answer
};

/// Jobs that have ended: one record each, durable with the event that ended it. A job that was
/// requeued after its end keeps the record of that end until its next.
///
/// Errors   storage_io; storage_corrupt: a record that does not match its digest.
/// Threads  those of the EventLog that fills it.
class History {
 public:
  virtual ~History() = default;
  virtual Result<std::optional<JobRecord>> find(JobId job) = 0;
  virtual Result<std::vector<JobRecord>> query(const HistoryQuery& query) = 0;
};

}  // namespace sovren
