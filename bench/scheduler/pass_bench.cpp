// SPDX-License-Identifier: Apache-2.0
// What does the control plane itself cost? One policy pass over a full queue (budget: 1,000 nodes x
// 10,000 pending in 100 ms), and no-op jobs/s through engine and durable log with a launcher that
// takes no time (budget with real processes: 1,000 at 2 slots, 2,000 at 16).
//
//   pass_bench [FOLDER]   prints a table and, last, a line of JSON
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "scheduler/engine/engine.h"
#include "storage/log/event_log.h"

namespace {

using namespace sovren;

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "%s\n", to_text(error).c_str());
  std::exit(1);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double cpu_s() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

JobSpec noop() {
  JobSpec spec;
  spec.name = "noop";
  std::get<CausalSpec>(spec.kind).data = "/data/x.csv";
  return spec;
}

// Every node has one free core, every job wants four: the pass looks at all and starts none.
double pass_s(int nodes, int pending) {
  State state;
  const auto add = [&](EventBody body) {
    apply(state, {.seq = {state.applied.value + 1}, .body = std::move(body)});
  };
  for (int n = 0; n < nodes; ++n) add(NodeJoined{"node" + std::to_string(n), {.cpus = 1}});
  JobSpec spec = noop();
  spec.resources.ranks = 4;
  spec.resources.oversubscribe = Oversubscribe::no;
  for (int j = 1; j <= pending; ++j) add(JobSubmitted{{j}, "ada", "/x", "", spec, {j}});
  double best_s = 1e9;
  for (int round = 0; round < 5; ++round) {
    const auto start = std::chrono::steady_clock::now();
    const auto plan = policy::decide(state, {0}, {});
    best_s = std::min(best_s, seconds_since(start));
    if (!plan.actions.empty()) std::exit(1);
  }
  return best_s;
}

class SystemClock : public Clock {
 public:
  Instant now() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
  }
};

/// Every attempt is done as soon as it is started.
class NoopLauncher : public Launcher {
 public:
  Result<void> start(const AttemptOrder& order) override {
    news_.push_back({order.job, order.attempt, ReportFinished{1, "digest", {}}});
    news_.push_back({order.job, order.attempt, AttemptExited{0, std::nullopt}});
    return {};
  }
  Result<void> request(JobId, int, Request) override { return {}; }
  Result<void> acknowledge_seal(JobId, int, std::int64_t) override { return {}; }
  std::vector<AttemptNews> poll(double) override { return std::exchange(news_, {}); }

 private:
  std::vector<AttemptNews> news_;
};

struct Throughput {
  double jobs_per_s = 0;
  double cpu_ms_per_job = 0;
};

Throughput run_noops(const std::string& folder, int slots, int jobs) {
  std::filesystem::remove_all(folder);
  auto log = storage::open_event_log(folder + "/events.db");
  if (!log) give_up(log.error());
  SystemClock clock;
  NoopLauncher launcher;
  auto engine = engine::Engine::open(**log, launcher, clock, {});
  if (!engine) give_up(engine.error());
  if (auto joined = engine->join_node("here", {.cpus = slots}); !joined) give_up(joined.error());
  std::vector<engine::Submission> all(static_cast<std::size_t>(jobs));
  for (engine::Submission& one : all) one = {.user = "ada", .dir = "/x", .spec = noop()};
  if (auto submitted = engine->submit(std::move(all)); !submitted) give_up(submitted.error());
  const auto start = std::chrono::steady_clock::now();
  const double cpu_before = cpu_s();
  while (!is_final(engine->state().jobs.rbegin()->second.state))
    if (auto turned = engine->turn(1); !turned) give_up(turned.error());
  const Throughput figure{jobs / seconds_since(start), 1000 * (cpu_s() - cpu_before) / jobs};
  std::filesystem::remove_all(folder);
  return figure;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string root = argc > 1 ? argv[1] : std::filesystem::temp_directory_path().string();
  const double small_s = pass_s(10, 1000);
  const double large_s = pass_s(1000, 10'000);
  std::printf("%-44s %10.2f ms\n", "policy pass, 10 nodes x 1,000 pending", 1e3 * small_s);
  std::printf("%-44s %10.2f ms\n", "policy pass, 1,000 nodes x 10,000 pending", 1e3 * large_s);
  std::string json;
  for (const int slots : {2, 16}) {
    for (const int jobs : {1000, 4000}) {
      const Throughput t = run_noops(root + "/sovren_pass_bench", slots, jobs);
      std::printf("no-op jobs, %2d slots, %5d queued %15.0f /s, %.3f CPU ms each\n", slots, jobs,
                  t.jobs_per_s, t.cpu_ms_per_job);
      json += ",{\"slots\":" + std::to_string(slots) + ",\"queued\":" + std::to_string(jobs) +
              ",\"jobs_per_s\":" + std::to_string(t.jobs_per_s) +
              ",\"cpu_ms_per_job\":" + std::to_string(t.cpu_ms_per_job) + "}";
    }
  }
  std::printf(
      "{\"schema\":\"sovren.bench/1\",\"bench\":\"pass\",\"pass_10x1000_s\":%.6f,"
      "\"pass_1000x10000_s\":%.6f,\"noop\":[%s]}\n",
      small_s, large_s, json.substr(1).c_str());
  return 0;
}
