// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"
#include "core/model/event.h"
#include "core/model/job_spec.h"
#include "core/port/reporter.h"

namespace sovren {

/// Start this attempt. Idempotent for one (job, attempt).
struct AttemptOrder {
  JobId job;
  int attempt = 0;
  int ranks = 1;
  std::string node;         ///< the head
  std::vector<Slot> slots;  ///< head first; empty: all ranks on the head
  std::string user;         ///< whose job it is; an agent that is root runs it as that user
  std::string dir;          ///< job directory; holds job.toml
  JobId oldest_set_job;     ///< checkpoint sets of jobs before this one are not restored
  double mtbf_s = 0;        ///< mean time between failures to plan the checkpoint interval for
  JobSpec spec;
  JobId array_job;            ///< first job of its array; none: not of an array
  std::int64_t element = -1;  ///< place in the array
  std::string sequence;       ///< its pictures' name among those of the array; empty: none
  bool operator==(const AttemptOrder&) const = default;
};

/// The attempt's processes on its head are all gone. exit_code: of the rank program; 128 + signal
/// when killed.
struct AttemptExited {
  int exit_code = 0;
  std::optional<Error> error;  ///< what the rank or the launch said of it
  bool operator==(const AttemptExited&) const = default;
};

/// mpirun on the head wants this command line run on another of the attempt's nodes.
struct AssistAsked {
  std::string node;
  std::string launch;  ///< the head's name for it, unique within the attempt
  std::string command;
  bool operator==(const AssistAsked&) const = default;
};

/// What an assistant ran for the head has ended, or could not be started.
struct AssistEnded {
  std::string launch;
  int exit_code = 0;
  std::string why;  ///< that it could not be started
  bool operator==(const AssistEnded&) const = default;
};

/// Nothing of the attempt is left on the node that tells it, and nothing will be started: the
/// answer to a kill.
struct AttemptGone {
  bool operator==(const AttemptGone&) const = default;
};

/// Run this command line of mpirun's (its daemon), as a part of an attempt that another node heads.
/// Ended by a kill of that attempt.
struct AssistOrder {
  JobId job;
  int attempt = 0;
  std::string launch;  ///< the head's name for it
  std::string command;
  std::string head;
  std::string user;
  std::string dir;
  int ranks = 0;  ///< of the attempt, on this node
  int cpus_per_rank = 1;
  int gpus_per_rank = 0;
  std::int64_t memory_per_rank_bytes = 0;
  bool operator==(const AssistOrder&) const = default;
};

/// To the head: what it wanted run on another node has ended.
struct AssistEndedOrder {
  JobId job;
  int attempt = 0;
  std::string node;
  AssistEnded ended;
  bool operator==(const AssistEndedOrder&) const = default;
};

/// News of an attempt: what its rank 0 reported, what its launch needs, or its end.
struct AttemptNews {
  JobId job;
  int attempt = 0;
  std::variant<RankReport, AttemptExited, AssistAsked, AssistEnded, AttemptGone> what;
  std::string node;  ///< whose agent tells it; empty: the head's
  bool operator==(const AttemptNews&) const = default;
};

/// Starts and watches attempts on nodes. Implemented by the agent, by the daemon's OrderBook (and
/// by the simulator).
class Launcher {
 public:
  virtual ~Launcher() = default;
  virtual Result<void> start(const AttemptOrder& order) = 0;

  /// Passes a request on to the attempt's head; no error if the attempt is already gone.
  virtual Result<void> request(JobId job, int attempt, Request request) = 0;

  /// Tells rank 0 that its sealed set is in the log: older sets may be deleted now.
  virtual Result<void> acknowledge_seal(JobId job, int attempt, std::int64_t step) = 0;

  /// Ends what is left of an attempt on one of its nodes, which answers AttemptGone (its head may
  /// say AttemptExited instead).
  virtual Result<void> end_on(const std::string& node, JobId job, int attempt) {
    (void)node;
    return request(job, attempt, Request::kill);
  }

  /// From one agent of an attempt to another. A launcher of one node is never asked.
  virtual Result<void> assist(const std::string& node, const AssistOrder& order) {
    (void)node, (void)order;
    return {};
  }
  virtual Result<void> tell_head(const std::string& head, const AssistEndedOrder& order) {
    (void)head, (void)order;
    return {};
  }

  /// News since the last call; waits up to timeout_s for the first.
  virtual std::vector<AttemptNews> poll(double timeout_s) = 0;
};

}  // namespace sovren
