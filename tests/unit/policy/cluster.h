// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/model/state.h"
#include "scheduler/policy/policy.h"

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
  JobId submit(JobSpec spec, const std::string& user = "ada") {
    const JobId job{state.last_job + 1};
    apply_now(JobSubmitted{job, user, "/jobs/x", "digest", std::move(spec), job});
    return job;
  }
  /// The id of its first element.
  JobId submit_array(const JobSpec& spec, int elements, const std::string& user = "ada") {
    const JobId first{state.last_job + 1};
    const SpecId number{state.last_spec + 1};
    apply_now(SpecAdded{number, spec});
    for (int i = 0; i < elements; ++i) {
      const JobId job{first.value + i};
      apply_now(JobSubmitted{.job = job,
                             .user = user,
                             .dir = "/jobs/x",
                             .oldest_set_job = job,
                             .spec_id = number,
                             .array_job = first,
                             .element = i});
    }
    return first;
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
  void finish(JobId job, JobState as = JobState::completed) {
    if (state.jobs.at(job).state == JobState::running)
      end(job, as == JobState::completed ? Ending::done : Ending::failed);
    apply_now(JobEnded{job, as, "", ""});
  }
  void requeue(JobId job) {
    if (state.jobs.at(job).state == JobState::running) end(job, Ending::checkpointed);
    apply_now(JobRequeued{job, now, false, "requeued"});
  }
  /// As the engine does.
  void carry_out(const Plan& plan) {
    for (const Action& action : plan.actions) {
      if (const auto* started = std::get_if<Start>(&action))
        start(started->job, started->slots, started->ranks);
      if (const auto* stop = std::get_if<Stop>(&action))
        apply_now(StopRequested{stop->job, stop->request, stop->by});
      if (const auto* end = std::get_if<End>(&action))
        apply_now(JobEnded{end->job, JobState::cancelled, end->why, ""});
      if (const auto* drain = std::get_if<Drain>(&action))
        apply_now(NodeDrained{drain->node, drain->why, std::string(by_breaker)});
    }
  }
};

inline JobSpec job_with_ranks(int ranks) {
  JobSpec spec;
  spec.name = "x";
  spec.resources.ranks = ranks;
  return spec;
}

/// A program that cannot checkpoint.
inline JobSpec plain_job(int ranks, double time_limit_s) {
  JobSpec spec = job_with_ranks(ranks);
  spec.kind = CommandSpec{.argv = {"true"}};
  spec.resources.time_limit_s = time_limit_s;
  spec.resources.oversubscribe = Oversubscribe::no;
  return spec;
}

/// One that can.
inline JobSpec soft_job(int ranks, double time_limit_s) {
  JobSpec spec = job_with_ranks(ranks);
  spec.resources.time_limit_s = time_limit_s;
  spec.resources.oversubscribe = Oversubscribe::no;
  return spec;
}

/// "start 1 on a x2", "start 1 on a x2 b x1", "kill 3 (scheduler:grace)", "end 4: why", "drain a"
inline std::vector<std::string> actions_text(const Plan& plan) {
  std::vector<std::string> text;
  for (const Action& action : plan.actions) {
    if (const auto* start = std::get_if<Start>(&action)) {
      std::string line = "start " + std::to_string(start->job.value) + " on";
      for (const Slot& slot : start->slots)
        line += " " + slot.node + " x" + std::to_string(slot.ranks);
      text.push_back(line);
    }
    if (const auto* stop = std::get_if<Stop>(&action))
      text.push_back(std::string(request_name(stop->request)) + " " +
                     std::to_string(stop->job.value) + " (" + stop->by + ")");
    if (const auto* end = std::get_if<End>(&action))
      text.push_back("end " + std::to_string(end->job.value) + ": " + end->why);
    if (const auto* drain = std::get_if<Drain>(&action)) text.push_back("drain " + drain->node);
  }
  return text;
}

/// Few words about what happens, for comparing.
inline std::vector<std::string> decided(const Cluster& cluster, const PolicyConfig& config) {
  return actions_text(decide(cluster.state, cluster.now, config));
}

}  // namespace sovren::policy
