// SPDX-License-Identifier: Apache-2.0
// Every append of a job's life, in turn, fails or takes the process with it; the job still ends
// COMPLETED, once, and no attempt number is started twice.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/engine/world.h"

namespace sovren::engine {
namespace {

// Plays the ranks of whatever runs: seals at 10 and 20, dies once at 75, finishes at 30.
class Ranks {
 public:
  void play(World& world, const Job& job) {
    const int attempt = job.attempts;
    ScriptedLauncher& launcher = world.launcher;
    const bool is_started =
        std::any_of(launcher.orders.begin(), launcher.orders.end(),
                    [&](const AttemptOrder& order) { return order.attempt == attempt; });
    if (!is_started) return;  // its launch is still to come
    if (on_disk_ < 20) {
      on_disk_ += 10;
      launcher.tell(job.id, attempt, ReportSealed{on_disk_, 1000, 0.5});
    } else if (!has_failed_) {
      has_failed_ = true;
      launcher.exit(job.id, attempt, 75);
    } else {
      launcher.tell(job.id, attempt, ReportFinished{30, "d1gest", {}});
      launcher.exit(job.id, attempt, 0);
    }
  }

 private:
  std::int64_t on_disk_ = 0;
  bool has_failed_ = false;
};

// The whole life. Returns how many appends it took.
int live_through(FaultyLog::Fault fault, int fault_at) {
  World world;
  world.log.fault = fault;
  world.log.fault_at = fault_at;
  Ranks ranks;
  bool is_submitted = false;
  for (int turns = 0; turns < 200; ++turns) {
    try {
      if (!is_submitted) {
        if (world.engine().state().jobs.empty())
          (void)world.engine().submit(Submission{.user = "ada", .dir = "/x"}).and_then([&](JobId) {
            return world.engine().commit();
          });
        is_submitted = !world.engine().state().jobs.empty();
        continue;
      }
      (void)world.engine().turn(1000);
      const Job& job = world.job();
      if (is_final(job.state)) break;
      if (job.state == JobState::running && world.launcher.news.empty()) ranks.play(world, job);
    } catch (const Crash&) {
      world.launcher.news.clear();  // died with the process, as the ranks did
      world.reopen();
    }
  }
  EXPECT_EQ(world.job().state, JobState::completed);
  EXPECT_EQ(world.engine().state().jobs.size(), 1U);
  EXPECT_EQ(world.job().digest, "d1gest");
  const auto ends = std::count_if(
      world.log.events().begin(), world.log.events().end(),
      [](const Event& event) { return std::holds_alternative<JobEnded>(event.body); });
  EXPECT_EQ(ends, 1);
  std::set<int> attempts;
  for (const AttemptOrder& order : world.launcher.orders)
    EXPECT_TRUE(attempts.insert(order.attempt).second) << "attempt " << order.attempt;
  EXPECT_EQ(state_text(world.engine().state()), state_text(replayed(world.log.events())));
  return world.log.appends;
}

TEST(Crash, AtAnyAppendCostsNoJob) {
  const int appends = live_through(FaultyLog::Fault::none, 0);
  EXPECT_GE(appends, 8);
  using Fault = FaultyLog::Fault;
  for (const Fault fault : {Fault::refuse, Fault::crash_before, Fault::crash_after}) {
    for (int k = 1; k <= appends; ++k) {
      SCOPED_TRACE("fault " + std::to_string(static_cast<int>(fault)) + " at append " +
                   std::to_string(k));
      live_through(fault, k);
    }
  }
}

}  // namespace
}  // namespace sovren::engine
