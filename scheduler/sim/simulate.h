// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "scheduler/policy/policy.h"
#include "scheduler/sim/trace.h"

namespace sovren::sim {

/// A policy by its name in `simulate --policy`.
struct NamedPolicy {
  std::string_view name;
  std::string_view what;
  policy::Order order;
  policy::Backfill backfill;
  bool predicts = false;  ///< run times from the user's last ones, not the request
  bool preempts = false;
};
std::span<const NamedPolicy> named_policies();
/// Errors   usage, with the nearest name.
Result<const NamedPolicy*> find_policy(std::string_view name);

struct SimConfig {
  const NamedPolicy* policy = nullptr;
  double quantum_s = 600;          ///< a started job runs at least so long
  double checkpoint_cost_s = 120;  ///< work that each preemption adds: seal and restore
  double half_life_s = 7 * 86'400.0;
  double mtbf_s = 0;  ///< of one processor; 0: none fails
  double repair_s = 3600;
  std::uint64_t seed = 1;
  double checkpoint_interval_s = 0;  ///< what a failure costs at most; 0: Daly's from cost and mtbf
  bool keeps_attempts = false;       ///< for the picture
};

/// What became of one job. Times in seconds since the trace's beginning.
struct SimJob {
  std::int64_t submit_s = 0;
  std::int64_t run_s = 0;
  int procs = 0;
  double first_start_s = -1;
  double end_s = -1;
  int preemptions = 0;
  int failures = 0;
};

struct SimAttempt {
  int job = 0;  ///< index
  double start_s = 0;
  double end_s = 0;
};

struct SimResult {
  std::vector<SimJob> jobs;  ///< as in the trace
  std::vector<SimAttempt> attempts;
  std::int64_t passes = 0;
  int procs = 0;
};

/// Runs the live policy (policy::make_schedule) over the jobs, under a virtual clock.
///
/// Model    one pool of processors; all ends at a moment, then all arrivals, then one decision. A
///          preempted job's processors are free at once, and it has `checkpoint_cost_s` more to do.
///          A failed processor ends the attempt on it and is away for repair_s: a job that
///          checkpoints loses what it did since its last checkpoint, another all.
SimResult simulate(const std::vector<TraceJob>& jobs, int procs, const SimConfig& config);

/// How a figure is spread over the jobs.
struct Spread {
  double mean = 0, median = 0, p95 = 0, p99 = 0, max = 0;
};

struct Summary {
  std::size_t jobs = 0;
  int procs = 0;
  Spread bounded_slowdown;  ///< max(1, (end - submit) / max(run, 10 s))
  Spread wait_s;            ///< all time not running: end - submit - run
  double utilisation = 0;   ///< run x procs / (procs x makespan)
  double preemptions = 0;
  double failures = 0;
  double makespan_s = 0;  ///< from the first submission to the last end
};
Summary summarise(const SimResult& result);
/// Of several windows: means of all, but sums of jobs and preemptions and the largest max.
Summary mean_of(const std::vector<Summary>& summaries);

/// RLScheduler's ten windows of 1,024 jobs each. Source: Zhang et al., SC 2020, test set.
inline constexpr int window_starts[] = {1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085};
inline constexpr int window_jobs = 1024;

/// A drawing (SVG): who ran on which processors when, processors in use, jobs waiting.
std::string gantt_svg(const SimResult& result, const std::string& title);

}  // namespace sovren::sim
