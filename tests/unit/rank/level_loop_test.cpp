// SPDX-License-Identifier: Apache-2.0
// The loop with levels below the job directory.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "storage/checkpoint/level_folder.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"
#include "tests/unit/rank/counting_kind.h"
#include "workers/comm/comm.h"
#include "workers/rank/loop.h"

namespace sovren::workers {
namespace {

using Mode = CheckpointInterval::Mode;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// Runs attempts on ranks that each pretend to be on a node of their own. The clock stands still
/// while a set is being written, however many steps that takes; else a step moves it by a second.
class LevelLoop : public testing::Test {
 protected:
  using Hook = std::function<Result<void>(double now_s, Control& control)>;  ///< on rank 0
  static constexpr std::int64_t endless = std::int64_t{1} << 40;

  void SetUp() override {
    root_ = testing::TempDir() + "/sovren_level_loop_" +
            testing::UnitTest::GetInstance()->current_test_info()->name() + "_" +
            std::to_string(::getpid());
    std::filesystem::remove_all(root_);
    dir_ = root_ + "/checkpoints";
    std::filesystem::create_directories(dir_);
    id_ = storage::level_id(dir_).value();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  std::string folder(const std::string& level, int node) const {
    return storage::level_folder(root_ + "/" + level + std::to_string(node), dir_, id_).value();
  }
  static std::vector<std::string> sets(const std::string& dir) {
    std::vector<std::string> found = storage::list_directory(dir).value();
    std::erase_if(found, [](const std::string& name) { return !storage::is_sealed_name(name); });
    return found;
  }
  bool is_writing() const {
    for (const std::string& dir : {dir_, folder("memory", 0), folder("local", 0)}) {
      const std::vector<std::string> names = storage::list_directory(dir).value();
      if (std::any_of(names.begin(), names.end(), storage::is_unfinished_name)) return true;
    }
    return false;
  }

  struct Ran {
    std::vector<Result<LoopEnd>> ends;
    std::string restored;  ///< the name of the set
    std::vector<std::string> warnings;
    Progress progress;  ///< the last
    std::vector<std::int64_t> sealed;
  };
  class Notes final : public Reporter {
   public:
    explicit Notes(Ran& ran) : ran_(ran) {}
    void report(const RankReport& report) override {
      if (const auto* warning = std::get_if<ReportWarning>(&report))
        ran_.warnings.push_back(warning->text);
      if (const auto* progress = std::get_if<ReportProgress>(&report))
        ran_.progress = progress->progress;
      if (const auto* sealed = std::get_if<ReportSealed>(&report))
        ran_.sealed.push_back(sealed->step);
    }

   private:
    Ran& ran_;
  };

  Ran attempt(CheckpointInterval shared, std::int64_t steps, const Hook& hook = {}) {
    Ran ran;
    ran.ends.assign(2, LoopEnd::done);
    ++attempt_;
    Notes notes(ran);
    run_on_threads(2, 60, [&](Communicator& comm) {
      const int rank = comm.rank();
      Control control;
      double now_s = 0;
      CountingKind kind(comm, {.steps = steps, .hook = [&](std::int64_t) -> Result<void> {
                                 if (rank != 0 || is_writing()) return {};
                                 now_s += 1;
                                 return hook ? hook(now_s, control) : Result<void>();
                               }});
      auto store = storage::CheckpointStore::open(dir_).value();
      std::vector<JobLevel> levels;
      std::vector<storage::LevelStore*> below;
      for (const auto& [name, interval] : levels_) {
        levels.push_back({storage::LevelStore::open(comm,
                                                    {.name = name,
                                                     .folder = folder(name, rank),
                                                     .node = std::to_string(rank),
                                                     .shared_dir = dir_},
                                                    {}, store)
                              .value(),
                          interval});
      }
      for (JobLevel& level : levels) below.push_back(&level.store);
      std::vector<storage::RejectedSet> rejected;
      auto found = store.restore_newest(comm, kind.facts(), JobId{0}, rejected, below);
      ASSERT_TRUE(found) << to_text(found.error());
      LoopSetting setting{.job = JobId{1}, .attempt = attempt_, .kind = "counting", .dir = root_};
      setting.checkpoint.interval = shared;
      if (*found) {
        ASSERT_TRUE(kind.restore(*(*found)->reader));
        if ((*found)->level.empty()) setting.sealed_step = kind.steps();
        if (rank == 0) ran.restored = (*found)->set.name;
      }
      ran.ends[static_cast<std::size_t>(rank)] =
          run_loop(setting, {comm, kind, store, control, notes, [&] { return now_s; }, {}, levels});
      if (kind.steps() == steps) {
        const std::string digest = kind.finish().value().digest;
        if (rank == 0) digest_ = digest;
      }
    });
    return ran;
  }

  static Hook die_at(double end_s) {
    return [end_s](double now_s, Control&) -> Result<void> {
      if (now_s >= end_s) return fail({.code = Code::device, .what = "died"});
      return {};
    };
  }
  static CheckpointInterval every(double seconds) {
    return {.mode = Mode::seconds, .seconds = seconds};
  }

  std::string root_;
  std::string dir_;
  std::string id_;
  std::string digest_;
  int attempt_ = 0;
  std::vector<std::pair<std::string, CheckpointInterval>> levels_{
      {"memory", every(2)},
      {"local", every(7)},
  };
};

TEST_F(LevelLoop, EachLevelHasItsIntervalAndADeadJobGoesOnFromTheNewest) {
  const Ran first = attempt(every(20), endless, die_at(35));
  EXPECT_EQ(first.ends[0].error().code, Code::device);
  EXPECT_THAT(first.sealed, SizeIs(1))
      << "sets of levels are not told as ones of the job directory";
  EXPECT_THAT(sets(dir_), SizeIs(1));
  EXPECT_THAT(sets(folder("local", 1)), SizeIs(2));
  const std::string memory = sets(folder("memory", 1)).back(),
                    local = sets(folder("local", 1)).back();
  const std::int64_t steps = std::stoll(std::max(memory, local).substr(4)) + 100;
  const Ran second = attempt(every(20), steps);
  EXPECT_EQ(second.restored, memory > local ? "memory/" + memory : "local/" + local);
  EXPECT_EQ(second.ends[0], LoopEnd::done);
  const std::string resumed = std::exchange(digest_, "");
  levels_.clear();
  std::filesystem::remove_all(dir_);
  attempt({.mode = Mode::off}, steps);
  EXPECT_EQ(resumed, digest_);
}

TEST_F(LevelLoop, ASetThatASlowerLevelSealsServesTheFasterOnes) {
  levels_[0].second = every(5);
  levels_[1].second = every(3);
  const Ran ran = attempt({.mode = Mode::off}, endless, die_at(20));
  EXPECT_THAT(sets(folder("memory", 0)), IsEmpty()) << "never 5 s without a set";
  EXPECT_THAT(sets(folder("local", 0)), SizeIs(2));
  attempt(every(2), endless, die_at(20));
  EXPECT_THAT(sets(folder("memory", 0)), IsEmpty());
  EXPECT_THAT(sets(dir_), testing::Not(IsEmpty()));
}

TEST_F(LevelLoop, WithOneNodesMemoryLostTheOtherHasAll) {
  attempt({.mode = Mode::off}, endless, die_at(6));
  const std::string newest = sets(folder("memory", 1)).back();
  std::filesystem::remove_all(folder("memory", 0));
  EXPECT_EQ(attempt({.mode = Mode::off}, endless, die_at(1)).restored, "memory/" + newest);
}

TEST_F(LevelLoop, AStopSealsInTheJobDirectoryAlsoRightAfterALevelWasRestored) {
  attempt(every(1000), endless, die_at(10));
  const Ran stopped = attempt(every(1000), endless, [](double, Control& control) -> Result<void> {
    control.ask_to_stop();
    return {};
  });
  EXPECT_THAT(stopped.restored, HasSubstr("memory/"));
  EXPECT_EQ(stopped.ends[0], LoopEnd::checkpointed);
  EXPECT_THAT(stopped.sealed, SizeIs(1));
  EXPECT_THAT(sets(dir_), SizeIs(1));
}

TEST_F(LevelLoop, ALevelThatFailsIsGivenUpWithOneWarningAndTheJobGoesOn) {
  const Ran ran =
      attempt(every(1000), endless, [&](double now_s, Control& control) -> Result<void> {
        if (now_s == 10) std::filesystem::rename(folder("memory", 1), root_ + "/gone");
        if (now_s == 40) control.ask_to_stop();
        return {};
      });
  for (const auto& end : ran.ends) EXPECT_EQ(end, LoopEnd::checkpointed);
  ASSERT_THAT(ran.warnings, SizeIs(1));
  EXPECT_THAT(ran.warnings[0], HasSubstr("no more checkpoints at the level memory"));
  EXPECT_GE(ran.progress.metrics.at("checkpoints_memory"), 2);
  EXPECT_GE(ran.progress.metrics.at("checkpoints_local"), 4) << "the other level goes on";
}

TEST_F(LevelLoop, AFencedAttemptEndsAtALevelToo) {
  const Ran ran =
      attempt({.mode = Mode::off}, endless, [&](double now_s, Control&) -> Result<void> {
        if (now_s != 5) return {};
        auto later = storage::CheckpointStore::open(dir_);
        return later->raise_fence(JobId{1}, 7);
      });
  for (const auto& end : ran.ends) {
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error().code, Code::fenced);
  }
}

}  // namespace
}  // namespace sovren::workers
