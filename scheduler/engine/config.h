// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/id.h"
#include "core/model/job_spec.h"
#include "core/port/history.h"
#include "core/port/pool_host.h"
#include "scheduler/engine/verdict.h"
#include "scheduler/policy/policy.h"

namespace sovren::engine {

/// What becomes of attempts that ran when the scheduler ended. lose: they went with it (an embedded
/// run). readopt: their agents still have them (a daemon).
enum class OnRestart { lose, readopt };

struct Config {
  policy::PolicyConfig policy;
  OnTimeLimit on_time_limit = OnTimeLimit::requeue;
  OnRestart on_restart = OnRestart::lose;
  /// readopt: a node that is silent for longer is down, and its attempts are lost.
  double node_timeout_s = 30;
  /// How fast used resources stop counting for fair share; none: as the log has it.
  std::optional<double> half_life_s;
  /// New jobs get ids above this: where a log was lost, checkpoint sets still bear its ids.
  JobId last_job_before;
  std::string jobs_dir;  ///< folder of the job directories of what is queued, absolute
  /// Knows the jobs that the state has forgotten, for those that depend on them; null: nobody does.
  History* history = nullptr;
  /// Gets the nodes of pools; null: there are no pools.
  PoolHost* pools = nullptr;

  std::int64_t array_max = 100'000;             ///< elements of one array
  std::int64_t open_jobs_max = 2'000'000;       ///< that have not ended
  std::int64_t ended_jobs_kept = 10'000;        ///< in the state; older ones are forgotten
  std::int64_t mark_every_events = 10'000;      ///< at least: a hash of the state goes into the log
  std::int64_t snapshot_every_events = 50'000;  ///< at least
};

/// One job as an embedded run hands it in. oldest_set_job: 0 stands for the job itself, so that no
/// checkpoint of an earlier job in the same folder is restored.
struct Submission {
  std::string user;
  std::string dir;  ///< absolute
  JobSpec spec;
  std::string spec_digest;
  JobId oldest_set_job;
};

/// What a client queues: one job, or one for each element of spec's [array].
struct QueueRequest {
  std::string user;
  SharedSpec spec;  ///< checked, as core/text reads it
  bool is_held = false;
  /// Idempotency-Key, and the digest of the request's body: the same again makes no new jobs.
  /// Empty: none.
  std::string key;
  std::string digest;
};

/// The jobs that it made: first, first + 1, ...
struct Queued {
  JobId first;
  std::int64_t jobs = 1;
  bool is_repeat = false;  ///< they were made by an earlier request with the same key
};

}  // namespace sovren::engine
