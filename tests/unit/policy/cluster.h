// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/model/state.h"

namespace sovren::policy {

/// A state made the only way there is: by events.
class Cluster {
 public:
  State state;
  Instant now{1'000'000};

  void apply_now(EventBody body) {
    apply(state, {.seq = {state.applied.value + 1}, .at = now, .body = std::move(body)});
  }
  void node(const std::string& name, int cpus, int gpus = 0, std::int64_t memory_bytes = 0) {
    apply_now(NodeJoined{name, {.cpus = cpus, .gpus = gpus, .memory_bytes = memory_bytes}});
  }
  JobId submit(JobSpec spec) {
    const JobId job{state.last_job + 1};
    apply_now(JobSubmitted{job, "ada", "/jobs/x", "digest", std::move(spec), job});
    return job;
  }
  void start(JobId job, const std::string& node, int ranks) {
    apply_now(AttemptStarted{job, state.jobs.at(job).attempts + 1, node, ranks});
  }
  void start(JobId job, const std::vector<Slot>& slots, int ranks) {
    apply_now(
        AttemptStarted{job, state.jobs.at(job).attempts + 1, slots.front().node, ranks, slots});
  }
  void end(JobId job, Ending ending) {
    apply_now(AttemptEnded{job, state.jobs.at(job).attempts, ending, 0, std::nullopt});
  }
};

inline JobSpec job_with_ranks(int ranks) {
  JobSpec spec;
  spec.name = "x";
  spec.resources.ranks = ranks;
  return spec;
}

}  // namespace sovren::policy
