// SPDX-License-Identifier: Apache-2.0
// What is left of the event log, its saved states and its history when the power goes.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>

#include "core/model/state.h"
#include "storage/log/event_log.h"
#include "tests/fault/log/recording_vfs.h"
#include "tests/fault/model/crash_lab.h"

namespace sovren::storage {
namespace {

constexpr const char* log_name = "/events.db";

/// Event number n: as long as no other near it, so that batches end anywhere in a page.
Event event_of(int n) {
  const auto bytes = static_cast<std::size_t>(n * 617 % 2900);
  return {.at = {n}, .body = NodeJoined{"node" + std::to_string(n), {}, std::string(bytes, 'x')}};
}

JobRecord record_of(int n) {
  return {.id = JobId{n}, .name = "job" + std::to_string(n), .ended_at = {n}};
}

/// What the engine does to its log, told to the trace as promises:
///   events  how many are acknowledged; snapshot: the newest event that a saved state has
class Keeper {
 public:
  Keeper(std::string path, Trace& trace) : path_(std::move(path)), trace_(trace) {}

  Result<void> open() {
    SOVREN_TRY(log, open_event_log(path_));
    log_ = std::move(log);
    return {};
  }
  void close() { log_.reset(); }

  /// Each batch ends a job.
  Result<void> append(int batches) {
    for (; batches > 0; --batches) {
      std::vector<Event> events;
      for (int i = 0; i <= count_ % 4; ++i) events.push_back(event_of(count_ + 1 + i));
      const int last = count_ + static_cast<int>(events.size());
      const JobRecord ended = record_of(last);
      SOVREN_DO(log_->append(events, std::span(&ended, 1)));
      for (const Event& event : events) apply(state_, event);
      count_ = last;
      trace_.promise("events", {count_});
    }
    return {};
  }
  Result<void> save() {
    SOVREN_DO(log_->save_snapshot(state_));
    trace_.promise("snapshot", {count_});
    return {};
  }

 private:
  std::string path_;
  Trace& trace_;
  std::unique_ptr<DurableLog> log_;
  State state_;
  int count_ = 0;
};

/// Made anew, filled with checkpoints on the way, closed in good order, opened again.
Result<void> keep_log(const std::string& folder, Trace& trace) {
  Keeper keeper(folder + log_name, trace);
  SOVREN_DO(keeper.open());
  SOVREN_DO(keeper.append(8));
  SOVREN_DO(keeper.save());
  SOVREN_DO(keeper.append(6));
  SOVREN_DO(keeper.save());
  SOVREN_DO(keeper.append(1));
  keeper.close();
  SOVREN_DO(keeper.open());
  SOVREN_DO(keeper.append(4));
  SOVREN_DO(keeper.save());
  return keeper.append(2);
}

Finding nothing(const Error& error) {
  return {Verdict::nothing, to_text(error)};
}

/// Where batches end: a log that ends elsewhere has half of one.
bool is_end_of_batch(int count) {
  int end = 0;
  while (end < count) end += end % 4 + 1;
  return end == count;
}

Finding check_snapshot(DurableLog& log, const std::vector<State>& states, std::int64_t expected) {
  const auto snapshot = log.load_snapshot();
  if (!snapshot) return nothing(snapshot.error());
  const auto applied = static_cast<std::size_t>(snapshot->state.applied.value);
  if (applied >= states.size()) return {Verdict::wrong, "a saved state is newer than the log"};
  if (state_hash(snapshot->state) != state_hash(states[applied]))
    return {Verdict::wrong, "a saved state is not what the events lead to"};
  if (!snapshot->warnings.empty()) return {Verdict::lost, snapshot->warnings.front()};
  if (std::cmp_less(applied, expected)) return {Verdict::lost, "a saved state is gone"};
  return {};
}

Finding check_history(DurableLog& log, int count) {
  for (int last = 1; last <= count; ++last) {
    if (!is_end_of_batch(last)) continue;
    const auto record = log.find(JobId{last});
    if (!record) return nothing(record.error());
    if (!*record) return {Verdict::lost, "the record of job " + std::to_string(last) + " is gone"};
    if (**record != record_of(last)) return {Verdict::wrong, "a record differs"};
  }
  return {};
}

/// The log as the next process finds it: whole, with all that was acknowledged, in order.
Finding check_log(const std::string& folder, const CrashState& cut) {
  // What was in shared memory may be on the disk too, and is of no meaning after a start.
  if (cut.number % 2 == 0)
    std::ofstream(folder + log_name + "-shm", std::ios::binary) << std::string(32768, 'g');
  auto log = open_event_log(folder + log_name);
  if (!log) return nothing(log.error());
  std::vector<State> states(1);
  bool is_right = true;
  const auto replayed = (*log)->replay([&](const Event& event) -> Result<void> {
    Event expected = event_of(static_cast<int>(states.size()));
    expected.seq = {static_cast<std::int64_t>(states.size())};
    is_right = is_right && event == expected;
    states.push_back(states.back());
    apply(states.back(), event);
    return {};
  });
  if (!replayed) return nothing(replayed.error());
  const int count = static_cast<int>(states.size()) - 1;
  const std::string what = std::to_string(count) + " events";
  if (!is_right) return {Verdict::wrong, what + ", and not those that were appended"};
  if (!is_end_of_batch(count)) return {Verdict::wrong, what + ": half of a batch"};
  if (count < cut.promised("events", 0))
    return {Verdict::lost, what + ", not " + std::to_string(cut.promised("events", 0))};
  Finding finding = check_snapshot(**log, states, cut.promised("snapshot", 0));
  if (finding.verdict == Verdict::good) finding = check_history(**log, count);
  if (finding.verdict != Verdict::good || cut.number % 8 != 0) return finding;
  // And it goes on.
  std::vector<Event> more{event_of(count + 1)};
  if (const auto appended = (*log)->append(more); !appended) return nothing(appended.error());
  log->reset();
  log = open_event_log(folder + log_name);
  if (!log) return nothing(log.error());
  const auto read = (*log)->read_events({count}, 10);
  if (!read) return nothing(read.error());
  return {read->size() == 1 ? Verdict::good : Verdict::lost, "what was appended afterwards"};
}

/// synchronous: empty for the log's own setting.
Result<CrashTally> watch_log(const std::string& synchronous, int states_per_moment) {
  CrashLab lab;
  const Life life{.name = "event log" + (synchronous.empty() ? "" : ", " + synchronous),
                  .prepare = [](const std::string&) -> Result<void> { return {}; },
                  .live =
                      [&](const std::string& folder, Trace& trace) {
                        const SessionSettings settings(synchronous, 12);
                        const RecordingVfs vfs(folder, trace);
                        return keep_log(folder, trace);
                      },
                  .check = &check_log};
  return lab.watch(life, {.states_per_moment = states_per_moment, .seed = 20'261'127});
}

TEST(LogPowerCut, LosesNothingAcknowledgedAndAcceptsNothingWrong) {
  const auto tally = watch_log("", 8);
  ASSERT_TRUE(tally) << to_text(tally.error());
  EXPECT_EQ(tally->of(Verdict::good), tally->states) << tally->first;
  EXPECT_GT(tally->states, 2000);
  print_tallies({*tally});
}

/// What SQLite itself says of these settings is seen: the shim bites.
TEST(LogPowerCut, LooserSettingsLoseAcknowledgedEvents) {
  for (const std::string synchronous : {"NORMAL", "OFF"}) {
    const auto tally = watch_log(synchronous, 2);
    ASSERT_TRUE(tally) << to_text(tally.error());
    EXPECT_GT(tally->of(Verdict::lost) + tally->of(Verdict::nothing), 50) << synchronous;
    print_tallies({*tally});
  }
}

/// A call that fails, also in a checkpoint that SQLite makes by itself, costs nothing that was
/// acknowledged.
TEST(LogFault, AnErrorAtAnyCallIsSaidOrDoesNoHarm) {
  CrashLab lab;
  const Life life{.name = "event log, EIO",
                  .prepare = [](const std::string&) -> Result<void> { return {}; },
                  .live = {},
                  .check = &check_log};
  const SessionSettings settings("", 12);
  CrashTally sum;
  int said = 0;
  int struck = 0;
  for (int call = 1;; call += 4, ++struck) {
    ASSERT_TRUE(lab.prepare(life));
    const DiskModel start(lab.root());
    Trace trace;
    Result<void> lived;
    {
      const RecordingSystem system(lab.root(), trace);
      const RecordingVfs vfs(lab.root(), trace, call);
      lived = keep_log(lab.root(), trace);
      if (!vfs.has_failed()) break;
    }
    const std::string when = "call " + std::to_string(call) + ": ";
    if (!lived) {
      ++said;
      EXPECT_EQ(lived.error().code, Code::storage_io) << when << to_text(lived.error());
    }
    const CrashTally tally =
        lab.search(life, start, trace, {.states_per_moment = 5, .seed = 10, .only_at_end = true});
    EXPECT_EQ(tally.of(Verdict::good), tally.states) << when << tally.first;
    sum.add(tally);
  }
  EXPECT_GT(struck, 100);
  EXPECT_GT(said, 50);
  std::printf("%d calls failed, %d said so, %d states\n", struck, said, sum.states);
}

}  // namespace
}  // namespace sovren::storage
