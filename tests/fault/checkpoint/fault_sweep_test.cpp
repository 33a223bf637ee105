// SPDX-License-Identifier: Apache-2.0
// One thing goes wrong at each call in turn: it is said, or it did no harm, and a set is left.
#include <gtest/gtest.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <span>

#include "storage/checkpoint/manifest.h"
#include "tests/fault/checkpoint/lives.h"
#include "tests/fault/model/faulty_system.h"

namespace sovren::storage {
namespace {

struct FaultRow {
  const char* name;
  Fault::Kind kind;
  int error_number;
};

// Of the first ones a life must fail or be none the worse, of the next it must not fail, and of the
// last no program can know: what is there must still be right.
const FaultRow rows[] = {
    {"EIO", Fault::Kind::error, EIO},
    {"ENOSPC", Fault::Kind::error, ENOSPC},
    {"EDQUOT", Fault::Kind::error, EDQUOT},
    {"fsync fails once (EIO)", Fault::Kind::sync_error, EIO},
    {"close fails (EIO)", Fault::Kind::close_error, EIO},
    {"short write, then ENOSPC", Fault::Kind::short_then_error, ENOSPC},
    {"EINTR", Fault::Kind::interrupted, EINTR},
    {"short write", Fault::Kind::short_write, 0},
    {"lost without an error", Fault::Kind::lost, 0},
};

struct RowCount {
  int calls = 0;
  int said = 0;
  CrashTally tally;
};

/// A life with the fault at one call, and what power cuts then leave.
class Sweep {
 public:
  Sweep(CrashLab& lab, const Life& life) : lab_(lab), life_(life) {
    const auto prepared = lab.prepare(life);
    EXPECT_TRUE(prepared) << to_text(prepared.error());
    image_ = read_image(lab.root(), [](const std::string&) { return false; });
  }

  /// false: the life has fewer such calls.
  bool strike(const FaultRow& row, int call, RowCount& count) {
    write_image(image_, lab_.root());
    DiskModel start(lab_.root());
    Trace trace;
    Result<void> lived;
    std::string struck;
    {
      FaultySystem system(lab_.root(), trace, {row.kind, row.error_number, call});
      lived = life_.live(lab_.root(), trace);
      struck = system.struck();
    }
    if (struck.empty()) return false;
    const std::string when =
        life_.name + ": " + row.name + " at call " + std::to_string(call) + ", " + struck + ": ";
    ++count.calls;
    if (!lived) {
      ++count.said;
      const Error& error = lived.error();
      EXPECT_TRUE(error.code == Code::storage_io || error.code == Code::storage_corrupt ||
                  row.kind == Fault::Kind::lost)
          << when << to_text(error);
      if (row.kind != Fault::Kind::lost) {
        EXPECT_NE(to_text(error).find(strerrorname_np(row.error_number)), std::string::npos)
            << when << to_text(error);
      }
      EXPECT_NE(row.kind, Fault::Kind::interrupted) << when << to_text(error);
      EXPECT_NE(row.kind, Fault::Kind::short_write) << when << to_text(error);
    }
    const CrashTally tally =
        lab_.search(life_, start, trace, {.states_per_moment = 6, .seed = 5, .only_at_end = true});
    count.tally.add(tally);
    if (row.kind == Fault::Kind::lost)
      EXPECT_EQ(tally.of(Verdict::wrong), 0) << when << tally.first;
    else
      EXPECT_EQ(tally.of(Verdict::good), tally.states) << when << tally.first;
    return true;
  }

 private:
  CrashLab& lab_;
  const Life& life_;
  DiskImage image_;
};

void sweep(CrashLab& lab, const FaultRow& row, std::span<const Life> lives, int calls_min,
           const std::string& where = "") {
  RowCount count;
  for (const Life& life : lives) {
    Sweep sweep(lab, life);
    for (int call = 1; sweep.strike(row, call, count); ++call) continue;
  }
  EXPECT_GT(count.calls, calls_min) << row.name;
  std::printf("%-34s %6d %6d %8d %18d %18d\n", (row.name + where).c_str(), count.calls, count.said,
              count.tally.states, count.tally.of(Verdict::wrong),
              count.tally.of(Verdict::lost) + count.tally.of(Verdict::nothing));
}

TEST(FaultSweep, WhatGoesWrongAtAnyCallIsSaidOrDoesNoHarm) {
  CrashLab lab;
  std::printf("%-34s %6s %6s %8s %18s %18s\n", "fault", "calls", "said", "states",
              "accepted-but-wrong", "acknowledged-lost");
  const Life lives[] = {attempt_on(1), retention_life(), quarantine_life(), restore_life(),
                        fence_life()};
  for (const FaultRow& row : rows) sweep(lab, row, lives, 30);
  const Life two_ranks[] = {attempt_on(2)};
  for (const FaultRow& row : {rows[0], rows[3], rows[5]})
    sweep(lab, row, two_ranks, 10, ", 2 ranks");
}

/// The shard of one rank is written only after that of the other is on the disk.
class SlowSystem : public RecordingSystem {
 public:
  SlowSystem(std::string root, Trace& trace, int slow_rank)
      : RecordingSystem(std::move(root), trace),
        slow_(shard_file_name(slow_rank)),
        fast_(shard_file_name(1 - slow_rank)) {}

 protected:
  ssize_t on(const SystemCall& call) override {
    const std::string path = call.path;
    const bool opens = call.kind == SystemCall::Kind::open;
    if (opens && path.ends_with(slow_)) wait_for_the_other();
    const ssize_t done = RecordingSystem::on(call);
    const std::lock_guard lock(mutex_);
    if (opens && path.ends_with(fast_)) fast_fd_ = static_cast<int>(done);
    if (call.kind == SystemCall::Kind::fsync && call.fd == fast_fd_) {
      fast_fd_ = -1;
      is_fast_done_ = true;
      changed_.notify_all();
    }
    return done;
  }

 private:
  void wait_for_the_other() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_fast_done_; });
    is_fast_done_ = false;  // the next seal waits anew
  }

  std::string slow_, fast_;
  std::mutex mutex_;
  std::condition_variable changed_;
  int fast_fd_ = -1;
  bool is_fast_done_ = false;
};

TEST(SlowDisk, AllWaitForTheSlowestBeforeTheySeal) {
  CrashLab lab;
  const Life life = attempt_on(2);
  for (const int slow_rank : {0, 1}) {
    ASSERT_TRUE(lab.prepare(life));
    const DiskModel start(lab.root());
    Trace trace;
    {
      SlowSystem system(lab.root(), trace, slow_rank);
      const auto lived = life.live(lab.root(), trace);
      ASSERT_TRUE(lived) << to_text(lived.error());
    }
    const CrashTally tally = lab.search(life, start, trace, {.states_per_moment = 6, .seed = 6});
    EXPECT_EQ(tally.of(Verdict::good), tally.states) << tally.first;
    EXPECT_GT(tally.states, 100);
  }
}

}  // namespace
}  // namespace sovren::storage
