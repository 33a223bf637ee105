// SPDX-License-Identifier: Apache-2.0
// What the engine itself costs: host, policy, durable log and the agents' protocol (JSON both
// ways), without a network and without processes. Submissions a second with 64 in flight; no-op
// jobs a second on 2 and 16 slots, with a short and a deep queue; CPU of each job.
//
//   engine_bench [FOLDER [JOBS [DEEP]]]   prints a table and, last, a line of JSON
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/text/order_json.h"
#include "scheduler/engine/host.h"
#include "storage/log/event_log.h"

namespace {

using namespace sovren;
using namespace sovren::engine;
using Steady = std::chrono::steady_clock;

double seconds_since(Steady::time_point start) {
  return std::chrono::duration<double>(Steady::now() - start).count();
}

double cpu_s() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

class WallClock : public Clock {
 public:
  Instant now() override {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
  }
};

JobSpec no_op() {
  JobSpec spec;
  spec.name = "noop";
  spec.kind = CommandSpec{.argv = {"/bin/true"}};
  return spec;
}

/// Counts what has come back, and lets a caller wait for it.
class Gate {
 public:
  void add() {
    const std::lock_guard lock(mutex_);
    count_ += 1;
    changed_.notify_one();
  }
  void wait_for(std::int64_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::int64_t count_ = 0;
};

/// An agent whose jobs end as soon as they start. Its bodies go through JSON, as on the wire.
class NoOpAgent {
 public:
  NoOpAgent(EngineHost& host, int cpus, Gate& ended) : host_(host), ended_(ended) {
    const AgentHello hello{
        .node = "n1", .instance = "i", .version = "1", .resources = {.cpus = cpus}};
    (void)host_.hello(hello, [this](Result<HelloReply>) { ask(0); });
  }

 private:
  void ask(std::int64_t after) {
    (void)host_.take_orders("n1", "i", after, [this](Result<std::vector<Order>> orders) {
      if (orders && !orders->empty()) obey(text::orders_to_json(*orders));
    });
  }
  void obey(const std::string& body) {
    const auto orders = text::orders_from_json(body).value();
    NewsPost post{.instance = "i", .news = {}};
    for (const Order& order : orders) {
      const auto* start = std::get_if<AttemptOrder>(&order.what);
      if (start == nullptr) continue;
      const auto tell = [&](auto what) {
        post.news.push_back({++news_, {start->job, start->attempt, std::move(what), ""}});
      };
      tell(RankReport(ReportFinished{0, "", {}}));
      tell(AttemptExited{0, std::nullopt});
    }
    ask(orders.back().number);
    auto told = text::news_from_json(text::news_to_json(post)).value();
    const auto jobs = static_cast<std::int64_t>(told.news.size()) / 2;
    (void)host_.tell("n1", std::move(told), [this, jobs](Result<std::int64_t>) {
      for (std::int64_t i = 0; i < jobs; ++i) ended_.add();
    });
  }

  EngineHost& host_;
  Gate& ended_;
  std::int64_t news_ = 0;
};

struct Figures {
  double rate = 0;
  double cpu_ms = 0;
};

class Bench {
 public:
  explicit Bench(const std::string& folder) {
    std::filesystem::remove_all(folder);
    auto log = storage::open_event_log(folder + "/events.db");
    if (!log) give_up(to_text(log.error()));
    log_ = std::move(*log);
    auto host = EngineHost::start(
        *log_, clock_,
        {.engine = {.on_restart = OnRestart::readopt, .jobs_dir = "/j"}, .queue_max = 10'000'000});
    if (!host) give_up(to_text(host.error()));
    host_ = std::move(*host);
  }
  EngineHost& host() { return *host_; }

  /// With 64 unanswered at any time; held: they stay in the queue.
  Figures submit(std::int64_t jobs, bool is_held, const JobSpec& spec) {
    const SharedSpec shared(spec);
    Gate answered;
    const double cpu = cpu_s();
    const auto start = Steady::now();
    for (std::int64_t i = 0; i < jobs; ++i) {
      if (i >= 64) answered.wait_for(i - 63);
      (void)host_->write(
          [=](Engine& engine) {
            return engine.queue({.user = "ada", .spec = shared, .is_held = is_held})
                .map([](Queued) {});
          },
          [&](Result<void> done) {
            if (!done) give_up(to_text(done.error()));
            answered.add();
          });
    }
    answered.wait_for(jobs);
    return {static_cast<double>(jobs) / seconds_since(start),
            (cpu_s() - cpu) * 1e3 / static_cast<double>(jobs)};
  }

 private:
  WallClock clock_;
  std::unique_ptr<storage::DurableLog> log_;
  std::unique_ptr<EngineHost> host_;
};

/// deep: as many jobs wait behind, on a partition-less larger shape that never fits beside others.
Figures run(const std::string& folder, int slots, std::int64_t jobs, std::int64_t deep) {
  Bench bench(folder);
  JobSpec array = no_op();
  array.array = {{"i", std::vector<std::string>(1'000, "x")}};
  array.priority = -1'000'000;
  Gate queued;
  for (std::int64_t i = 0; i < deep; i += 1'000)
    (void)bench.host().write(
        [spec = SharedSpec(array)](Engine& engine) {
          return engine.queue({.user = "bob", .spec = spec}).map([](Queued) {});
        },
        [&](Result<void> done) {
          if (!done) give_up(to_text(done.error()));
          queued.add();
        });
  queued.wait_for((deep + 999) / 1'000);
  (void)bench.submit(jobs, false, no_op());
  Gate ended;
  const double cpu = cpu_s();
  const auto start = Steady::now();
  NoOpAgent agent(bench.host(), slots, ended);
  ended.wait_for(jobs);
  const Figures figures{static_cast<double>(jobs) / seconds_since(start),
                        (cpu_s() - cpu) * 1e3 / static_cast<double>(jobs)};
  bench.host().stop();
  return figures;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder =
      argc > 1 ? argv[1] : (std::filesystem::temp_directory_path() / "engine_bench").string();
  const std::int64_t jobs = argc > 2 ? std::atoll(argv[2]) : 5'000;
  const std::int64_t deep = argc > 3 ? std::atoll(argv[3]) : 100'000;
  std::printf("%-34s %10s %12s\n", "", "jobs/s", "CPU ms/job");
  const auto print = [](const char* what, const Figures& f) {
    std::printf("%-34s %10.0f %12.3f\n", what, f.rate, f.cpu_ms);
  };
  const Figures submits = Bench(folder).submit(jobs, true, no_op());
  print("submissions, 64 in flight", submits);
  const Figures two = run(folder, 2, jobs, 0);
  print("no-op jobs, 2 slots", two);
  const Figures sixteen = run(folder, 16, jobs, 0);
  print("no-op jobs, 16 slots", sixteen);
  const Figures behind = run(folder, 2, jobs, deep);
  print(("no-op jobs, 2 slots, " + std::to_string(deep) + " wait").c_str(), behind);
  std::printf(
      "{\"submits_per_s\":%.0f,\"submit_cpu_ms\":%.4f,\"jobs_per_s_2\":%.0f,\"cpu_ms_2\":%.4f,"
      "\"jobs_per_s_16\":%.0f,\"cpu_ms_16\":%.4f,\"jobs_per_s_2_deep\":%.0f,\"cpu_ms_2_deep\":%.4f}"
      "\n",
      submits.rate, submits.cpu_ms, two.rate, two.cpu_ms, sixteen.rate, sixteen.cpu_ms, behind.rate,
      behind.cpu_ms);
  std::filesystem::remove_all(folder);
}
