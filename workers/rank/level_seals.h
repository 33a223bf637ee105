// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "storage/checkpoint/level.h"
#include "workers/rank/schedule.h"
#include "workers/rank/slowdown.h"

namespace sovren::workers {

/// A level below the job directory, and when it gets a set.
struct JobLevel {
  storage::LevelStore store;
  CheckpointInterval interval;
};

/// Seals at the levels below the job directory: one set at a time, at the slowest level that is
/// due. A level where that fails is given up: the job goes on without it.
///
/// Errors   Those that end an attempt: fenced, peer_lost, bug. The same on every rank.
class LevelSeals {
 public:
  using Fill = std::function<Result<void>(StateWriter&)>;

  /// levels: the fastest first; they outlive this.
  LevelSeals(std::span<JobLevel> levels, double mtbf_s, double recovery_s, double now_s,
             std::int64_t step);

  /// The number of the level that is due, from 1; 0: none. Rank 0's decides.
  std::int64_t due(double now_s, std::int64_t step) const;
  bool is_pending() const { return pending_.has_value(); }
  bool is_written() const { return !pending_ || pending_->set.is_written(); }

  // Collective. They return why the level was given up; empty: it was not.
  Result<std::string> start(Communicator& comm, std::int64_t number,
                            const storage::SetHeader& header, const Fill& fill,
                            const std::function<double()>& now_s);
  Result<std::string> finish(Communicator& comm, const std::function<double()>& now_s,
                             Slowdown& slowdown);
  /// The pending set will never be sealed.
  void abandon() { pending_.reset(); }

  /// A set of this step, copied at now_s, is in the job directory: that serves these levels too.
  void sealed_above(double now_s, std::int64_t step);

  /// "checkpoints_memory": sealed by this attempt.
  const std::map<std::string, double>& counts() const { return counts_; }

 private:
  struct Level {
    storage::LevelStore* store;
    CheckpointSchedule schedule;
    bool is_off = false;
  };
  struct Pending {
    storage::PendingLevelSeal set;
    std::size_t level = 0;
    std::int64_t step = 0;
    double started_s = 0;
    double blocked_s = 0;  ///< by start
  };
  Result<std::string> give_up(Level& level, Error error);

  std::vector<Level> levels_;
  std::optional<Pending> pending_;
  std::map<std::string, double> counts_;
};

}  // namespace sovren::workers
