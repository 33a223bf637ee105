// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/loop.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "storage/file/file.h"
#include "storage/file/system.h"
#include "tests/unit/rank/counting_kind.h"
#include "workers/comm/comm.h"
#include "workers/rank/schedule.h"

namespace sovren::workers {
namespace {

using Mode = CheckpointPolicy::Mode;

/// Keeps what rank 0 reported.
class Notes final : public Reporter {
 public:
  void report(const RankReport& report) override { all_.push_back(report); }
  template <class T>
  std::vector<T> of() const {
    std::vector<T> found;
    for (const RankReport& report : all_)
      if (const T* one = std::get_if<T>(&report)) found.push_back(*one);
    return found;
  }

 private:
  std::vector<RankReport> all_;
};

/// Runs the loop on threads over one checkpoint folder, under a clock that a step moves.
class LoopTest : public testing::Test {
 public:
  /// What happens in a step, on every rank.
  using Hook = std::function<Result<void>(int rank, std::int64_t step, Control& control)>;

 protected:
  void SetUp() override {
    dir_ = testing::TempDir() + "/sovren_loop_" +
           testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
           std::to_string(::getpid());
    std::filesystem::remove_all(dir_);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  struct Ran {
    std::vector<Result<LoopEnd>> ends;
    std::vector<std::int64_t> steps;
    Notes notes;
  };

  Ran run(int ranks, LoopSetting setting, std::int64_t steps, const Hook& hook = {}) {
    Ran ran;
    ran.ends.assign(ranks, LoopEnd::done);
    ran.steps.assign(ranks, -1);
    setting.job = JobId{1};
    setting.kind = "counting";
    run_on_threads(ranks, 20, [&](Communicator& comm) {
      const int rank = comm.rank();
      Control control;
      double now_s = 0;
      CountingKind::Plan plan{.steps = steps, .hook = [&](std::int64_t step) -> Result<void> {
                                now_s += step_s_;
                                if (hook) return hook(rank, step, control);
                                return {};
                              }};
      plan.loss = loss_;
      if (preview_s_ >= 0) plan.preview_hook = [&] { now_s += preview_s_; };
      if (preview_s_ >= 0 && rank == 0)
        plan.preview_hook = [&] { now_s += preview_s_, ++previews_; };
      CountingKind kind(comm, plan);
      auto store = storage::CheckpointStore::open(dir_);
      ASSERT_TRUE(store.has_value());
      if (rank == 0) {
        ASSERT_TRUE(store->raise_fence(setting.job, setting.attempt).has_value());
      }
      ASSERT_TRUE(comm.barrier().has_value());
      std::vector<storage::RejectedSet> rejected;
      auto found = store->restore_newest(comm, kind.facts(), JobId{0}, rejected);
      ASSERT_TRUE(found.has_value()) << to_text(found.error());
      LoopSetting mine = setting;
      mine.dir = dir_;
      if (is_stopped_at_once_) control.ask_to_stop();
      if (*found) {
        ASSERT_TRUE(kind.restore(*(*found)->reader).has_value());
        mine.sealed_step = kind.steps();
      }
      ran.ends[rank] =
          run_loop(mine, {comm, kind, *store, control, ran.notes, [&] { return now_s; }});
      ran.steps[rank] = kind.steps();
    });
    return ran;
  }

  std::vector<std::int64_t> sealed_steps() const {
    std::vector<storage::RejectedSet> rejected;
    const auto sets = storage::list_sets(dir_, rejected);
    EXPECT_TRUE(sets.has_value() && rejected.empty());
    std::vector<std::int64_t> steps;
    for (const storage::SetInfo& set : *sets) steps.push_back(set.header.step);
    std::sort(steps.begin(), steps.end());
    return steps;
  }

  std::string dir_;
  double step_s_ = 0.01;
  double preview_s_ = -1;            ///< that one takes; below 0: the kind has none
  int previews_ = 0;                 ///< made so far
  bool is_stopped_at_once_ = false;  ///< before the first step
  std::function<double(std::int64_t)> loss_;
};

LoopSetting with(CheckpointInterval interval, int keep = 3) {
  LoopSetting setting;
  setting.checkpoint.interval = interval;
  setting.checkpoint.keep = keep;
  return setting;
}

/// Asks to stop in step `at`.
LoopTest::Hook stop_at(std::int64_t at) {
  return [at](int, std::int64_t step, Control& control) -> Result<void> {
    if (step == at) control.ask_to_stop();
    return {};
  };
}

TEST_F(LoopTest, RunsAllStepsAndReportsTheFirstAndTheLast) {
  const Ran ran = run(3, with({.mode = Mode::automatic}), 10);
  for (const auto& end : ran.ends) EXPECT_EQ(end, LoopEnd::done);
  const auto progress = ran.notes.of<ReportProgress>();
  ASSERT_EQ(progress.size(), 2U) << "0.1 s passed";
  EXPECT_EQ(progress.front().progress.step, 0);
  EXPECT_EQ(progress.back().progress.step, 10);
  EXPECT_TRUE(sealed_steps().empty()) << "a job of less than 2 s seals nothing";
}

TEST_F(LoopTest, ReportsProgressFiveTimesASecondAtMost) {
  step_s_ = 0.03;
  const Ran ran = run(1, with({.mode = Mode::off}), 100);
  const auto progress = ran.notes.of<ReportProgress>();
  EXPECT_LE(progress.size(), 17U) << "3 s passed";
  EXPECT_GE(progress.size(), 14U);
}

TEST_F(LoopTest, StopAskedOfAnyRankSealsAtOneStepOnAll) {
  const Ran ran = run(3, with({.mode = Mode::automatic}), 10,
                      [](int rank, std::int64_t step, Control& control) -> Result<void> {
                        if (rank == 2 && step == 4) control.ask_to_stop();
                        return {};
                      });
  for (const auto& end : ran.ends) EXPECT_EQ(end, LoopEnd::checkpointed);
  EXPECT_EQ(ran.steps, (std::vector<std::int64_t>{4, 4, 4}));
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{4});
  const auto sealed = ran.notes.of<ReportSealed>();
  ASSERT_EQ(sealed.size(), 1U);
  EXPECT_EQ(sealed[0].step, 4);
  EXPECT_GT(sealed[0].size_bytes, 0);
}

TEST_F(LoopTest, ResumesOnAnotherNumberOfRanks) {
  EXPECT_EQ(run(3, with({.mode = Mode::automatic}), 10, stop_at(4)).ends[0], LoopEnd::checkpointed);
  EXPECT_EQ(run(1, with({.mode = Mode::automatic}), 10, stop_at(7)).steps[0], 7);
  const Ran last = run(2, with({.mode = Mode::automatic}), 10);
  EXPECT_EQ(last.ends[0], LoopEnd::done);
  EXPECT_EQ(last.notes.of<ReportProgress>().front().progress.step, 7);
}

TEST_F(LoopTest, StopsAtOnceAreNotHeldAgainstTheSet) {
  for (const std::int64_t step : {2, 4})
    EXPECT_EQ(run(2, with({.mode = Mode::automatic}), 10, stop_at(step)).ends[0],
              LoopEnd::checkpointed);
  is_stopped_at_once_ = true;
  for (int round = 0; round < 3; ++round)
    EXPECT_EQ(run(2, with({.mode = Mode::automatic}), 10).steps[0], 4) << "round " << round;
  is_stopped_at_once_ = false;
  const Ran last = run(2, with({.mode = Mode::automatic}), 10);
  EXPECT_EQ(last.notes.of<ReportProgress>().front().progress.step, 4);
}

TEST_F(LoopTest, CheckpointAskedForIsSealedAndTheJobGoesOn) {
  const Ran ran = run(2, with({.mode = Mode::off}), 30,
                      [](int rank, std::int64_t step, Control& control) -> Result<void> {
                        if (rank == 1 && step == 5) control.ask_for_checkpoint();
                        return {};
                      });
  EXPECT_EQ(ran.ends[0], LoopEnd::done);
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{5}) << "also when none are due";
}

TEST_F(LoopTest, StopWithCheckpointsOffIsInterrupted) {
  const Ran ran = run(2, with({.mode = Mode::off}), 10,
                      [](int, std::int64_t, Control& control) -> Result<void> {
                        control.ask_to_stop();
                        return {};
                      });
  for (const auto& end : ran.ends) {
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().code, Code::interrupted);
  }
  EXPECT_TRUE(sealed_steps().empty());
}

TEST_F(LoopTest, PreviewsShowTheStateOfAStepAndComeSeldom) {
  step_s_ = 0.1;
  preview_s_ = 0.001;
  const Ran ran = run(3, with({.mode = Mode::off}), 100);
  // After 0.5 s, then every 2 s, in 10 s.
  EXPECT_EQ(previews_, 5);
  const auto told = ran.notes.of<ReportPreview>();
  ASSERT_EQ(told.size(), 1U) << "where they come is told once";
  EXPECT_EQ(told[0].path, "preview/sum.txt");
  const auto shown = storage::read_file(dir_ + "/" + told[0].path);
  ASSERT_TRUE(shown.has_value()) << to_text(shown.error());
  const std::int64_t numbers = 99 * 100 / 2, value = std::stoll(*shown);
  ASSERT_EQ(value % numbers, 0) << "every row is of the same step";
  std::int64_t step = 0;
  while (step * (step + 1) / 2 * numbers < value) ++step;
  EXPECT_EQ(step * (step + 1) / 2 * numbers, value);
  EXPECT_GE(step, 80);
  const auto names = storage::list_directory(dir_ + "/preview");
  EXPECT_EQ(names, std::vector<std::string>{"sum.txt"}) << "no half files are left";
}

TEST_F(LoopTest, PreviewsTakeTwoPercentOfTheTimeAtMost) {
  step_s_ = 0.5;
  preview_s_ = 1;
  run(2, with({.mode = Mode::off}), 400);
  EXPECT_EQ(previews_, 4) << "200 s of steps";
}

TEST_F(LoopTest, KindWithoutPreviewsIsAskedOnceAndLeavesNothing) {
  step_s_ = 1;
  const Ran ran = run(2, with({.mode = Mode::off}), 20);
  EXPECT_TRUE(ran.notes.of<ReportPreview>().empty());
  EXPECT_FALSE(storage::path_exists(dir_ + "/preview"));
}

TEST_F(LoopTest, PreviewThatCannotBeWrittenStopsNothing) {
  step_s_ = 1;
  preview_s_ = 0;
  std::filesystem::create_directories(dir_ + "/preview/sum.txt.part");
  const Ran ran = run(2, with({.mode = Mode::off}), 20);
  for (const auto& end : ran.ends) EXPECT_EQ(end, LoopEnd::done);
  EXPECT_EQ(previews_, 1) << "it is not tried again";
  const auto warnings = ran.notes.of<ReportWarning>();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].text.find("there are no previews"), std::string::npos) << warnings[0].text;
}

TEST_F(LoopTest, PreviewsChangeNothingOfTheRun) {
  step_s_ = 0.7;
  preview_s_ = 0.1;
  const Ran ran = run(2, with({.mode = Mode::steps, .steps = 3}), 10, stop_at(7));
  EXPECT_EQ(ran.ends[0], LoopEnd::checkpointed);
  EXPECT_GT(previews_, 0);
  const auto sealed = sealed_steps();
  const auto previews = std::exchange(previews_, 0);
  std::filesystem::remove_all(dir_);
  preview_s_ = -1;
  run(2, with({.mode = Mode::steps, .steps = 3}), 10, stop_at(7));
  EXPECT_EQ(sealed, sealed_steps()) << previews << " previews";
}

TEST_F(LoopTest, StopRightAfterARestoreSealsNothingNew) {
  run(2, with({.mode = Mode::automatic}), 10, stop_at(6));
  LoopSetting again = with({.mode = Mode::automatic});
  again.attempt = 2;
  Ran ran;
  // The request is there before the first step.
  run_on_threads(1, 20, [&](Communicator& comm) {
    Control control;
    control.ask_to_stop();
    CountingKind kind(comm, {});
    auto store = storage::CheckpointStore::open(dir_);
    std::vector<storage::RejectedSet> rejected;
    auto found = store->restore_newest(comm, kind.facts(), JobId{0}, rejected);
    ASSERT_TRUE(found.has_value() && found->has_value());
    ASSERT_TRUE(kind.restore(*(*found)->reader).has_value());
    again.sealed_step = 6;
    EXPECT_EQ(run_loop(again, {comm, kind, *store, control, ran.notes, [] { return 0.0; }}),
              LoopEnd::checkpointed);
  });
  EXPECT_TRUE(ran.notes.of<ReportSealed>().empty());
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{6});
}

TEST_F(LoopTest, StopBeforeTheFirstStepSealsStepZero) {
  run_on_threads(2, 20, [&](Communicator& comm) {
    Control control;
    control.ask_to_stop();
    CountingKind kind(comm, {});
    Notes notes;
    auto store = storage::CheckpointStore::open(dir_);
    EXPECT_EQ(run_loop(with({.mode = Mode::automatic}),
                       {comm, kind, *store, control, notes, [] { return 0.0; }}),
              LoopEnd::checkpointed);
  });
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{0});
}

TEST_F(LoopTest, EveryNStepsSeals) {
  const Ran ran = run(2, with({.mode = Mode::steps, .steps = 20}), 25);
  EXPECT_EQ(ran.ends[0], LoopEnd::done);
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{20}) << "finished before the end";
}

TEST_F(LoopTest, KeepsTheNewestSets) {
  for (int attempt = 1; attempt <= 4; ++attempt) {
    LoopSetting setting = with({.mode = Mode::automatic}, 2);
    setting.attempt = attempt;
    EXPECT_EQ(run(2, setting, 100, stop_at(10 * attempt)).ends[0], LoopEnd::checkpointed);
  }
  EXPECT_EQ(sealed_steps(), (std::vector<std::int64_t>{30, 40}));
}

TEST_F(LoopTest, KeepsTheSetOfTheBestMetric) {
  loss_ = [](std::int64_t step) { return step == 20 ? 1 : 2; };
  LoopSetting setting = with({.mode = Mode::automatic}, 1);
  setting.checkpoint.best_metric = "counting_loss";
  for (setting.attempt = 1; setting.attempt <= 4; ++setting.attempt) {
    const Ran ran = run(2, setting, 100, stop_at(10 * setting.attempt));
    EXPECT_TRUE(ran.notes.of<ReportWarning>().empty());
  }
  EXPECT_EQ(sealed_steps(), (std::vector<std::int64_t>{20, 40}));
}

TEST_F(LoopTest, WarnsOnceOfABestMetricThatIsNotThere) {
  loss_ = [](std::int64_t) { return 1; };
  LoopSetting setting = with({.mode = Mode::steps, .steps = 4});
  setting.checkpoint.best_metric = "counting_los";
  const Ran ran = run(2, setting, 100, stop_at(30));
  EXPECT_GE(ran.notes.of<ReportSealed>().size(), 2U);
  const auto warnings = ran.notes.of<ReportWarning>();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].text.find("did you mean 'counting_loss'?"), std::string::npos)
      << warnings[0].text;
}

TEST_F(LoopTest, OldSetsStayUntilTheNewIsRecorded) {
  LoopSetting setting = with({.mode = Mode::automatic}, 1);
  setting.retention = LoopSetting::Retention::when_recorded;
  for (setting.attempt = 1; setting.attempt <= 3; ++setting.attempt)
    run(1, setting, 100, stop_at(10 * setting.attempt));
  EXPECT_EQ(sealed_steps(), (std::vector<std::int64_t>{10, 20, 30}));
  run(1, setting, 35, [](int rank, std::int64_t step, Control& control) -> Result<void> {
    if (rank == 0 && step == 32) control.confirm_seal(30);
    return {};
  });
  EXPECT_EQ(sealed_steps(), std::vector<std::int64_t>{30});
}

TEST_F(LoopTest, AutomaticSealsAfterTwoSeconds) {
  step_s_ = 0.5;
  const Ran ran = run(2, with({.mode = Mode::automatic}), 8);
  const auto sealed = ran.notes.of<ReportSealed>();
  ASSERT_FALSE(sealed.empty());
  EXPECT_EQ(sealed[0].step, 4);
}

TEST_F(LoopTest, ReportsWhatASetCostAndWhatIsPlanned) {
  step_s_ = 0.5;
  LoopSetting setting = with({.mode = Mode::automatic});
  setting.mtbf_s = 5000;
  setting.recovery_s = 3;
  const Ran ran = run(2, setting, 100);
  const auto sealed = ran.notes.of<ReportSealed>();
  ASSERT_FALSE(sealed.empty());
  const ReportSealed& first = sealed[0];  // only steps move this clock, and all alike
  EXPECT_EQ(first.blocked_s, 0);
  EXPECT_EQ(first.slowdown_s, 0);
  EXPECT_GT(first.seal_s, 0);
  EXPECT_EQ(first.plan.interval_s, std::max(interval_s_min, first.seal_s));
  EXPECT_EQ(first.plan.mtbf_s, 5000 + 2 + first.seal_s);
  EXPECT_EQ(first.plan.expected_overhead,
            daly_overhead(first.plan.interval_s, 0, 3 + first.seal_s, first.plan.mtbf_s));
}

TEST_F(LoopTest, SetsDueWhileOneIsBeingWrittenAreSkippedAndCounted) {
  LoopSetting setting = with({.mode = Mode::steps, .steps = 1});
  setting.checkpoint.when_busy = CheckpointPolicy::Busy::skip;
  const Ran ran = run(1, setting, 300);
  std::int64_t due = 0;
  for (const ReportSealed& sealed : ran.notes.of<ReportSealed>()) due += 1 + sealed.skipped;
  EXPECT_EQ(due, 299) << "after each step but the last";
  setting.checkpoint.when_busy = CheckpointPolicy::Busy::wait;
  setting.attempt = 2;
  for (const ReportSealed& sealed : run(1, setting, 600).notes.of<ReportSealed>())
    EXPECT_EQ(sealed.skipped, 0);
}

TEST_F(LoopTest, FailedStepOfOneRankIsAnErrorOnAll) {
  const Ran ran = run(3, with({.mode = Mode::automatic}), 10,
                      [](int rank, std::int64_t step, Control&) -> Result<void> {
                        if (rank == 1 && step == 3)
                          return fail({.code = Code::device, .what = "out of memory"});
                        return {};
                      });
  EXPECT_EQ(ran.ends[1].error().code, Code::device);
  EXPECT_NE(to_text(ran.ends[1].error()).find("computing step 3"), std::string::npos);
  EXPECT_EQ(ran.ends[0].error().code, Code::peer_lost);
  EXPECT_EQ(ran.ends[2].error().code, Code::peer_lost);
}

/// Fails the writes of rank 1's shards with EIO; those of rank 0's wait until `is_released`, or for
/// half a second.
class OneBadDisk final : public storage::System {
 public:
  OneBadDisk() { storage::replace_system_calls(this); }
  OneBadDisk(const OneBadDisk&) = delete;
  OneBadDisk& operator=(const OneBadDisk&) = delete;
  ~OneBadDisk() override { storage::replace_system_calls(nullptr); }

  int open(const char* path, int flags, mode_t mode) override {
    const int fd = System::open(path, flags, mode);
    const std::lock_guard lock(mutex_);
    const std::string_view name(path);
    if (name.ends_with("shard-00000.h5")) slow_ = fd;
    if (name.ends_with("shard-00001.h5")) bad_ = fd;
    return fd;
  }
  ssize_t write(int fd, const void* data, std::size_t size) override {
    std::unique_lock lock(mutex_);
    if (fd == bad_) {
      has_failed_ = true;
      changed_.notify_all();
      errno = EIO;
      return -1;
    }
    if (fd == slow_)
      changed_.wait_for(lock, std::chrono::milliseconds(500), [&] { return is_released_; });
    return System::write(fd, data, size);
  }
  void wait_for_failure() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return has_failed_; });
  }
  void release() {
    const std::lock_guard lock(mutex_);
    is_released_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int slow_ = -2;
  int bad_ = -2;
  bool has_failed_ = false;
  bool is_released_ = false;
};

TEST_F(LoopTest, WhatTheDiskSaysEndsTheAttemptWhileOtherRanksStillWrite) {
  OneBadDisk disk;
  constexpr std::int64_t late = 500;
  const Ran ran = run(2, with({.mode = Mode::steps, .steps = 20}), 1000,
                      [&](int rank, std::int64_t step, Control&) -> Result<void> {
                        if (rank == 1 && step == 21) disk.wait_for_failure();
                        if (rank == 1 && step == late) disk.release();
                        return {};
                      });
  for (int rank = 0; rank < 2; ++rank) {
    ASSERT_FALSE(ran.ends[rank].has_value());
    EXPECT_EQ(ran.ends[rank].error().code, Code::storage_io);
    EXPECT_NE(to_text(ran.ends[rank].error()).find("sealing the checkpoint of step 20"),
              std::string::npos);
    EXPECT_LT(ran.steps[rank], late);
  }
  EXPECT_TRUE(sealed_steps().empty());
}

TEST_F(LoopTest, CopiesThatDoNotFitAreRefusedBeforeTheFirstStep) {
  LoopSetting setting = with({.mode = Mode::automatic});
  run_on_threads(2, 20, [&](Communicator& comm) {
    Control control;
    CountingKind kind(comm, {.rows = 200'000});
    Notes notes;
    auto store = storage::CheckpointStore::open(dir_, {.copy_memory_bytes = 4096});
    const auto end = run_loop(setting, {comm, kind, *store, control, notes, [] { return 0.0; }});
    ASSERT_FALSE(end.has_value());
    EXPECT_EQ(end.error().code, Code::refused);
    EXPECT_EQ(kind.steps(), 0);
  });
}

TEST_F(LoopTest, WithoutACopyASetIsSealedBeforeTheNextStepAndOneWarningSaysWhy) {
  // Checkpoints are off, so nothing is refused; a user asks for them.
  LoopSetting setting = with({.mode = Mode::off});
  Notes notes;
  run_on_threads(2, 20, [&](Communicator& comm) {
    Control control;
    auto store = storage::CheckpointStore::open(dir_, {.copy_memory_bytes = 4096});
    CountingKind kind(
        comm, {.steps = 10, .rows = 200'000, .hook = [&](std::int64_t step) -> Result<void> {
                 if (step == 3 || step == 6) control.ask_for_checkpoint();
                 if (step == 4 || step == 7) {
                   EXPECT_EQ(sealed_steps().back(), step - 1);
                 }
                 return {};
               }});
    EXPECT_EQ(run_loop(setting, {comm, kind, *store, control, notes, [] { return 0.0; }}),
              LoopEnd::done);
  });
  EXPECT_EQ(sealed_steps(), (std::vector<std::int64_t>{3, 6}));
  const auto warnings = notes.of<ReportWarning>();
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].text.find("copy_memory is 4KiB"), std::string::npos) << warnings[0].text;
}

}  // namespace
}  // namespace sovren::workers
