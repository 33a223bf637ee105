// SPDX-License-Identifier: Apache-2.0
// What does a decision cost? Passes over 1,000 full nodes and 10,000 pending jobs that hardly have
// anything in common (budget: 100 ms at once, 1 ms after one event), and memory and time of a
// million that are alike (budget: 1 KiB each). No-op jobs/s through the engine: queue_bench.
//
//   pass_bench   prints a table and, last, a line of JSON
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "scheduler/policy/index.h"

namespace {

using namespace sovren;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

JobSpec noop() {
  JobSpec spec;
  spec.name = "noop";
  std::get<CausalSpec>(spec.kind).data = "/data/x.csv";
  return spec;
}

// Nodes of 32 cores that are full of running jobs; 100 users, and jobs that differ in ranks and in
// what time they ask for: almost every one is a request of its own.
class FullCluster {
 public:
  FullCluster(int nodes, int pending) {
    for (int n = 0; n < nodes; ++n) {
      const std::string name = "node" + std::to_string(10'000 + n);
      add(NodeJoined{name, {.cpus = 32, .memory_bytes = std::int64_t{64} << 30}});
      const JobId job = submit(n, 32, 50'000 + n);
      add(AttemptStarted{job, 1, name, 32});
    }
    at_ = at_ + 700.0;  // their quantum is over, and they have run longer than the rest
    for (int j = 0; j < pending; ++j) submit(j, 1 + j % 64, 86'400 + 60.0 * (j % 9973));
  }
  const State& state() const { return state_; }
  Instant now() const { return at_; }
  void add(EventBody body) {
    apply(state_, {.seq = {state_.applied.value + 1}, .at = at_, .body = std::move(body)});
  }
  JobId submit(int user, int ranks, double time_limit_s) {
    JobSpec spec = noop();
    spec.kind = CommandSpec{.argv = {"true"}};
    spec.resources = {.nodes = ranks > 32 ? 2 : 1,
                      .ranks = ranks,
                      .time_limit_s = time_limit_s,
                      .oversubscribe = Oversubscribe::no};
    const JobId job{state_.last_job + 1};
    add(JobSubmitted{job, "user" + std::to_string(user % 100), "/x", "", spec, job});
    return job;
  }

 private:
  State state_;
  Instant at_{1'700'000'000'000};
};

struct PassCost {
  double anew_s = 0;         ///< the index made from the state, and one pass
  double full_s = 0;         ///< one pass over an index that is there
  double after_event_s = 0;  ///< a job ends: index told, one pass that fills its place
};

PassCost pass_cost(int nodes, int pending, const policy::PolicyConfig& config) {
  FullCluster cluster(nodes, pending);
  PassCost best{1e9, 1e9, 1e9};
  const auto keep = [](double& kept, std::chrono::steady_clock::time_point since) {
    kept = std::min(kept, seconds_since(since));
  };
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    policy::Index index(config);
    index.rebuild(cluster.state());
    if (!policy::decide(cluster.state(), index, cluster.now(), config).actions.empty())
      std::exit(1);  // all is full, and nobody can be stopped
    keep(best.anew_s, start);
    const auto again = std::chrono::steady_clock::now();
    policy::decide(cluster.state(), index, cluster.now(), config);
    keep(best.full_s, again);
    const JobId ends{1 + round};
    cluster.add(AttemptEnded{ends, 1, Ending::done, 0, std::nullopt});
    cluster.add(JobEnded{ends, JobState::completed, "", ""});
    const auto event = std::chrono::steady_clock::now();
    index.update_job(cluster.state(), ends);
    const auto plan = policy::decide(cluster.state(), index, cluster.now(), config);
    keep(best.after_event_s, event);
    if (plan.actions.empty()) std::exit(1);
    for (const policy::Action& action : plan.actions)
      if (const auto* one = std::get_if<policy::Start>(&action))
        cluster.add(AttemptStarted{one->job, 1, one->slots.front().node, one->ranks, one->slots});
  }
  return best;
}

double rss_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  long pages = 0;
  long resident = 0;
  if (file == nullptr || std::fscanf(file, "%ld %ld", &pages, &resident) != 2) return 0;
  std::fclose(file);
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

struct QueueCost {
  double bytes_per_job = 0;
  double index_bytes_per_job = 0;
  double pass_s = 0;  ///< after a job has ended
};

// Pending jobs that share a spec, as an array or many submissions alike, behind a full node.
QueueCost queue_cost(int pending, const policy::PolicyConfig& config) {
  const double before = rss_bytes();
  State state;
  Instant at{1'700'000'000'000};
  const auto add = [&](EventBody body) {
    apply(state, {.seq = {state.applied.value + 1}, .at = at, .body = std::move(body)});
  };
  add(NodeJoined{"a", {.cpus = 1}});
  JobSpec spec = noop();
  spec.kind = CommandSpec{.argv = {"true"}};
  spec.resources.oversubscribe = Oversubscribe::no;
  add(SpecAdded{{1}, spec});
  for (int j = 1; j <= pending; ++j)
    add(JobSubmitted{.job = {j},
                     .user = "ada",
                     .dir = "/home/ada/.local/state/sovren/jobs/" + std::to_string(j),
                     .oldest_set_job = {j},
                     .spec_id = {1}});
  const double with_state = rss_bytes();
  policy::Index index(config);
  index.rebuild(state);
  QueueCost cost{.bytes_per_job = (rss_bytes() - before) / pending,
                 .index_bytes_per_job = (rss_bytes() - with_state) / pending,
                 .pass_s = 1e9};
  for (int j = 1; j <= 20; ++j) {
    const auto start = std::chrono::steady_clock::now();
    const auto plan = policy::decide(state, index, at, config);
    add(AttemptStarted{{j}, 1, "a", 1});
    index.update_job(state, {j});
    add(AttemptEnded{{j}, 1, Ending::done, 0, std::nullopt});
    add(JobEnded{{j}, JobState::completed, "", ""});
    index.update_job(state, {j});
    cost.pass_s = std::min(cost.pass_s, seconds_since(start));
    if (plan.actions.size() != 1) std::exit(1);
  }
  return cost;
}

}  // namespace

int main() {
  policy::PolicyConfig feedback;
  policy::PolicyConfig easy;
  easy.preemption.is_on = false;
  std::string passes;
  for (const auto& [name, config] : {std::pair{"feedback", feedback}, std::pair{"easy", easy}}) {
    const PassCost cost = pass_cost(1000, 10'000, config);
    std::printf(
        "%-9s 1,000 nodes x 10,000 distinct  anew %7.2f ms  full %7.2f ms  one event %7.3f ms\n",
        name, 1e3 * cost.anew_s, 1e3 * cost.full_s, 1e3 * cost.after_event_s);
    passes += std::string(passes.empty() ? "" : ",") + "{\"policy\":\"" + name +
              "\",\"anew_s\":" + std::to_string(cost.anew_s) +
              ",\"full_s\":" + std::to_string(cost.full_s) +
              ",\"one_event_s\":" + std::to_string(cost.after_event_s) + "}";
  }
  const QueueCost few = queue_cost(1000, feedback);
  const QueueCost many = queue_cost(1'000'000, feedback);
  std::printf("1,000,000 pending alike: %.0f bytes each (index %.0f; sizeof(Job) %zu)\n",
              many.bytes_per_job, many.index_bytes_per_job, sizeof(Job));
  std::printf("start and end of a job: %.2f us at 1,000 pending, %.2f us at 1,000,000\n",
              1e6 * few.pass_s, 1e6 * many.pass_s);
  std::printf(
      "{\"schema\":\"sovren.bench/"
      "1\",\"bench\":\"pass\",\"passes\":[%s],\"bytes_per_pending\":%.0f,"
      "\"pass_1000_s\":%.9f,\"pass_1000000_s\":%.9f}\n",
      passes.c_str(), many.bytes_per_job, few.pass_s, many.pass_s);
  return 0;
}
