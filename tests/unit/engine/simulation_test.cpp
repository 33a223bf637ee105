// SPDX-License-Identifier: Apache-2.0
// Whole lives of a small queue under random faults: ranks that fail and die, appends that fail,
// schedulers that crash before and after an append, requests at random. Whatever happens, every job
// ends once, no attempt number is started twice, and replay leads to the state that was lived.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/rng.h"
#include "tests/unit/engine/world.h"

namespace sovren::engine {
namespace {

constexpr std::int64_t steps_total = 40;
constexpr std::int64_t steps_per_seal = 10;

// Ranks that make a step a second and fail at random. What they sealed outlives every process.
class FaultyRanks : public Launcher {
 public:
  FaultyRanks(VirtualClock& clock, Philox random) : clock_(clock), random_(random) {}

  Result<void> start(const AttemptOrder& order) override {
    EXPECT_TRUE(started_.insert({order.job, order.attempt}).second)
        << "job " << order.job.value << " attempt " << order.attempt << " started twice";
    if (below(20) == 0) return fail({.code = Code::storage_io, .what = "no space for the logs"});
    Run run;
    if (const auto disk = disk_.find(order.job); disk != disk_.end()) {
      run.step = disk->second;
      say(order.job, order.attempt, ReportRestored{run.step, "set", 0.1});
    }
    say(order.job, order.attempt, ReportStarted{"cpu", {}, order.ranks});
    runs_[{order.job, order.attempt}] = run;
    return {};
  }

  Result<void> request(JobId job, int attempt, Request request) override {
    if (below(10) == 0) return fail({.code = Code::unreachable, .what = "try again"});
    const auto run = runs_.find({job, attempt});
    if (run == runs_.end()) return {};
    if (request == Request::kill)
      end(job, attempt, 137);
    else if (request != Request::checkpoint && below(4) != 0)
      run->second.is_asked = true;
    return {};
  }

  Result<void> acknowledge_seal(JobId job, int attempt, std::int64_t step) override {
    EXPECT_LE(step, disk_[job]) << "job " << job.value << " attempt " << attempt;
    return {};
  }

  std::vector<AttemptNews> poll(double timeout_s) override {
    if (news_.empty() && !runs_.empty()) {
      const double seconds = std::min(timeout_s, 1.0);
      clock_.advance(seconds);
      if (seconds >= 1.0) step();
    } else if (news_.empty()) {
      clock_.advance(timeout_s);
    }
    return std::exchange(news_, {});
  }

  // The scheduler is gone, and the ranks die with it.
  void die() {
    runs_.clear();
    news_.clear();
  }

  std::uint64_t below(std::uint64_t bound) { return random_.below(draw_++, bound); }

 private:
  struct Run {
    std::int64_t step = 0;
    bool is_asked = false;
  };

  void say(JobId job, int attempt, RankReport report) {
    news_.push_back({job, attempt, std::move(report)});
  }
  void end(JobId job, int attempt, int exit_code) {
    runs_.erase({job, attempt});
    news_.push_back({job, attempt, AttemptExited{exit_code, std::nullopt}});
  }
  void seal(JobId job, int attempt, std::int64_t step) {
    disk_[job] = step;
    if (below(10) == 0) return;  // the report is lost
    say(job, attempt, ReportSealed{step, 1000, 0.5});
  }

  void step() {
    const auto runs = runs_;
    for (const auto& [attempt, was] : runs) {
      Run& run = runs_.at(attempt);
      run.step += 1;
      const auto [job, number] = attempt;
      if (run.is_asked || run.step % steps_per_seal == 0) seal(job, number, run.step);
      if (run.is_asked) {
        end(job, number, 85);
      } else if (run.step >= steps_total) {
        say(job, number, ReportFinished{run.step, "d1gest", {}});
        end(job, number, 0);
      } else if (below(60) == 0) {
        constexpr int exits[] = {74, 75, 75, 85, 137, 139, 1};
        end(job, number, exits[below(std::size(exits))]);
      }
    }
  }

  VirtualClock& clock_;
  Philox random_;
  std::uint64_t draw_ = 0;
  std::set<Attempt> started_;
  std::map<Attempt, Run> runs_;
  std::map<JobId, std::int64_t> disk_;
  std::vector<AttemptNews> news_;
};

class Simulation {
 public:
  explicit Simulation(std::uint64_t seed) : random_(seed, 1), ranks_(clock_, Philox(seed, 2)) {}

  // Returns the final states, for the tally.
  std::map<JobState, int> run() {
    config_.on_time_limit = below(2) == 0 ? OnTimeLimit::end : OnTimeLimit::requeue;
    while (!is_done()) {
      if (++turns_ > 20'000) {
        ADD_FAILURE() << "does not come to an end:\n" << state_text(replayed(log_.events()));
        break;
      }
      try {
        if (!engine_) open();
        if (engine_) step();
      } catch (const Crash&) {
        engine_.reset();
        ranks_.die();
      }
    }
    return check();
  }

 private:
  static constexpr int jobs_total = 6;

  std::uint64_t below(std::uint64_t bound) { return random_.below(draw_++, bound); }

  void set_fault() {
    constexpr FaultyLog::Fault faults[] = {FaultyLog::Fault::refuse, FaultyLog::Fault::crash_before,
                                           FaultyLog::Fault::crash_after};
    if (log_.fault_at > 0 || below(15) != 0) return;
    log_.fault = faults[below(3)];
    log_.fault_at = 1 + static_cast<int>(below(3));
  }

  void open() {
    set_fault();  // also while it recovers from the last one
    auto opened = Engine::open(log_, ranks_, clock_, config_);
    if (!opened) return;  // the disk is full; again
    engine_ = std::move(*opened);
    if (!engine_->join_node("here", {.cpus = 2})) return;
    (void)engine_->join_node("there", {.cpus = 1});
  }

  void step() {
    set_fault();
    const State& state = engine_->state();
    const bool is_any_up = std::any_of(state.nodes.begin(), state.nodes.end(),
                                       [](const auto& entry) { return entry.second.is_up; });
    if (!is_any_up) return engine_.reset();  // joining failed: start anew
    if (state.last_job < jobs_total && below(3) == 0) submit();
    if (state.last_job > 0 && below(40) == 0) {
      constexpr Request requests[] = {Request::checkpoint, Request::preempt, Request::preempt,
                                      Request::stop,       Request::cancel,  Request::kill};
      (void)engine_->request(
          JobId{1 + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(state.last_job)))},
          requests[below(std::size(requests))], "ada");
    }
    for (std::int64_t id = 1; id <= state.last_job; ++id)
      if (state.jobs.at({id}).is_held && below(10) == 0) (void)engine_->release({id}, "ada");
    (void)engine_->turn(static_cast<double>(below(30)));
  }

  void submit() {
    Submission submission{.user = "ada", .dir = "/jobs/x"};
    JobSpec& spec = submission.spec;
    spec.resources.ranks = 1 + static_cast<int>(below(2));
    spec.priority = static_cast<int>(below(3));
    spec.retry.limit = static_cast<int>(below(5));
    if (below(3) == 0) spec.resources.time_limit_s = 20 + static_cast<double>(below(60));
    (void)engine_->submit(std::move(submission));
  }

  bool is_done() const {
    if (!engine_ || engine_->state().last_job < jobs_total) return false;
    const auto& jobs = engine_->state().jobs;
    return std::all_of(jobs.begin(), jobs.end(),
                       [](const auto& entry) { return is_final(entry.second.state); });
  }

  std::map<JobState, int> check() {
    std::map<JobState, int> tally;
    std::map<JobId, int> ends;
    std::map<JobId, int> starts;
    for (const Event& event : log_.events()) {
      if (const auto* ended = std::get_if<JobEnded>(&event.body)) ends[ended->job] += 1;
      if (const auto* started = std::get_if<AttemptStarted>(&event.body)) {
        EXPECT_EQ(started->attempt, ++starts[started->job]);
      }
    }
    const State again = replayed(log_.events());
    EXPECT_EQ(state_text(engine_->state()), state_text(again));
    for (const auto& [id, job] : again.jobs) {
      EXPECT_EQ(ends[id], 1) << "job " << id.value;
      tally[job.state] += 1;
    }
    for (const auto& [name, node] : again.nodes) EXPECT_EQ(node.cpus_used, 0) << name;
    return tally;
  }

  Philox random_;
  std::uint64_t draw_ = 0;
  Config config_;
  VirtualClock clock_;
  FaultyLog log_;
  FaultyRanks ranks_;
  std::unique_ptr<Engine> engine_;
  int turns_ = 0;
};

TEST(Simulation, EveryJobEndsOnceUnderRandomFaults) {
  std::map<JobState, int> tally;
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    for (const auto& [state, count] : Simulation(seed).run()) tally[state] += count;
    if (testing::Test::HasFailure()) break;
  }
  for (const auto& [state, count] : tally) RecordProperty(std::string(state_name(state)), count);
  // The faults are strong enough to end jobs in every way, and weak enough to let most complete.
  EXPECT_GT(tally[JobState::completed], 1500);
  EXPECT_GT(tally[JobState::failed], 50);
  EXPECT_GT(tally[JobState::cancelled], 50);
  EXPECT_GT(tally[JobState::timeout], 50);
}

}  // namespace
}  // namespace sovren::engine
