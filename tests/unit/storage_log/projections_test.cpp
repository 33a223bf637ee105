// SPDX-License-Identifier: Apache-2.0
// What an event log keeps besides its events: the history of ended jobs, and saved states.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "core/model/state.h"
#include "core/text/record_json.h"
#include "storage/log/event_log.h"
#include "storage/log/memory_log.h"
#include "tests/unit/storage_log/log_dir.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

/// A little cluster that appends what happens in it to a log.
class Life {
 public:
  explicit Life(EventLog& log) : log_(log) {}

  /// Goes on from a state that was read.
  Life(EventLog& log, State state) : log_(log), state_(std::move(state)) {}

  void begin() { happen({NodeJoined{"a", {4}, "i"}, SpecAdded{{1}, JobSpec{.name = "shared"}}}); }
  JobId submit(const std::string& user) {
    const JobId job{state_.last_job + 1};
    happen({JobSubmitted{.job = job, .user = user, .dir = "/jobs/x", .spec_id = {1}}});
    return job;
  }
  void run(JobId job, JobState end = JobState::completed) {
    const int attempt = state_.jobs.at(job).attempts + 1;
    happen({AttemptStarted{job, attempt, "a", 1}, AttemptEnded{job, attempt, Ending::done}});
    happen({JobEnded{job, end, "", "d1gest"}});
  }
  /// With the records of the jobs that the events end, as the engine does it.
  void happen(std::vector<EventBody> bodies) {
    std::vector<Event> events;
    std::vector<JobRecord> ended;
    State next = state_;
    for (EventBody& body : bodies) {
      now_ += 1000;
      events.push_back({.seq = {next.applied.value + 1}, .at = {now_}, .body = std::move(body)});
      apply(next, events.back());
      if (const auto* end = std::get_if<JobEnded>(&events.back().body))
        ended.push_back(text::job_record(next.jobs.at(end->job)));
    }
    const auto appended = log_.append(events, ended);
    ASSERT_TRUE(appended) << to_text(appended.error());
    state_ = std::move(next);
  }
  const State& state() const { return state_; }

 private:
  EventLog& log_;
  State state_;
  std::int64_t now_ = 0;
};

std::vector<std::int64_t> ids(const Result<std::vector<JobRecord>>& records) {
  std::vector<std::int64_t> numbers;
  EXPECT_TRUE(records) << to_text(records.error());
  for (const JobRecord& record : *records) numbers.push_back(record.id.value);
  return numbers;
}

void check_history(EventLog& log, History& history) {
  using Ids = std::vector<std::int64_t>;
  Life life(log);
  life.begin();
  for (int n = 1; n <= 6; ++n) life.submit(n % 2 == 1 ? "ada" : "bob");
  for (const int n : {3, 1, 2, 5, 4})
    life.run({n}, n == 2 ? JobState::failed : JobState::completed);
  EXPECT_EQ(ids(history.query({})), (Ids{4, 5, 2, 1, 3})) << "newest end first";
  EXPECT_EQ(ids(history.query({.user = "ada"})), (Ids{5, 1, 3}));
  EXPECT_EQ(ids(history.query({.state = JobState::failed})), (Ids{2}));
  EXPECT_EQ(ids(history.query({.limit = 2})), (Ids{4, 5}));
  EXPECT_EQ(ids(history.query({.limit = 2, .after = {5}})), (Ids{2, 1}));
  EXPECT_EQ(ids(history.query({.user = "ada", .after = {5}})), (Ids{1, 3}));
  const Instant second = life.state().jobs.at({1}).ended_at;
  EXPECT_EQ(ids(history.query({.since = second})), (Ids{4, 5, 2, 1}));
  EXPECT_EQ(ids(history.query({.until = second})), (Ids{3}));
  EXPECT_EQ(ids(history.query({.user = "eve"})), Ids{});
  const auto one = history.find({2});
  ASSERT_TRUE(one && *one);
  EXPECT_EQ(**one, text::job_record(life.state().jobs.at({2})));
  EXPECT_EQ(history.find({6}).value(), std::nullopt) << "it has not ended";
  // Begun anew: the record of its first end stays until the second.
  life.happen({JobRequeued{{2}, {}, false, ""}});
  EXPECT_EQ(history.find({2}).value()->state, JobState::failed);
  life.run({2});
  EXPECT_EQ(history.find({2}).value()->state, JobState::completed);
  EXPECT_EQ(history.find({2}).value()->attempts, 2);
  EXPECT_EQ(ids(history.query({})), (Ids{2, 4, 5, 1, 3}));
}

TEST(History, FindsEndedJobsInMemory) {
  MemoryEventLog log;
  check_history(log, log);
}

TEST(History, FindsEndedJobsInSqlite) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  check_history(**log, **log);
}

TEST(History, IsThereAfterAReopenAndForgottenJobsToo) {
  const LogDir dir;
  {
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log);
    Life life(**log);
    life.begin();
    life.run(life.submit("ada"));
    life.run(life.submit("bob"));
    life.happen({JobsForgotten{{{1}, {2}}}});
  }
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  EXPECT_EQ(ids((*log)->query({})), (std::vector<std::int64_t>{2, 1}));
}

TEST(History, IsRecordedWithItsEventsOrNotAtAll) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  JobSpec spec;
  spec.comment = "\xff";  // what the log refuses
  std::vector<Event> events{{.body = JobSubmitted{.job = {1}, .spec = spec}}};
  const std::vector<JobRecord> ended{{.id = {1}}};
  EXPECT_FALSE((*log)->append(events, ended));
  EXPECT_EQ((*log)->find({1}).value(), std::nullopt);
}

TEST(History, SeesADamagedRecordAndSaysHowToMakeItAnew) {
  for (const char* sql : {"UPDATE history SET record = replace(record, 'd1gest', 'd2gest')",
                          "UPDATE history SET digest = 'ffffffffffffffff'",
                          "UPDATE history SET record = '{'", "UPDATE history SET job = 7"}) {
    const LogDir dir;
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log);
    {
      Life life(**log);
      life.begin();
      life.run(life.submit("ada"));
    }
    log->reset();
    tamper(dir.log(), sql);
    log = open_event_log(dir.log());
    ASSERT_TRUE(log) << "its events are whole";
    const auto records = (*log)->query({});
    ASSERT_FALSE(records) << sql;
    EXPECT_EQ(records.error().code, Code::storage_corrupt);
    EXPECT_THAT(records.error().hint, HasSubstr("'DROP TABLE history'"));
    EXPECT_EQ(all_of(**log).size(), 6U);
    log->reset();
    tamper(dir.log(), "DROP TABLE history");  // as the hint says
    log = open_event_log(dir.log());
    ASSERT_TRUE(log) << to_text(log.error());
    EXPECT_EQ((*log)->find({1}).value()->digest, "d1gest");
  }
}

TEST(EventLogUpgrade, BringsVersionOneUpToDateWithItsHistory) {
  const LogDir dir;
  JobRecord expected;
  {
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log);
    Life life(**log);
    life.begin();
    life.submit("ada");
    life.run(life.submit("bob"));
    expected = text::job_record(life.state().jobs.at({2}));
  }
  tamper(dir.log(),
         "DROP TABLE history; DROP TABLE snapshots; DROP TABLE snapshot_parts;"
         "UPDATE schema SET version = 1");
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  EXPECT_EQ((*log)->find({2}).value(), expected);
  EXPECT_EQ((*log)->find({1}).value(), std::nullopt);
  EXPECT_EQ(all_of(**log).size(), 7U);
  log->reset();
  EXPECT_EQ(look_up(dir.log(), "SELECT version FROM schema"), 2);
}

// Written by version 0.1.0 before there were histories: two runs of one job file.
TEST(EventLogUpgrade, ReadsALogThatAnEarlierVersionWrote) {
  const char* source = std::getenv("SOVREN_SOURCE");
  if (source == nullptr) GTEST_SKIP() << "SOVREN_SOURCE is not set; run it by ctest";
  std::ifstream file(std::string(source) + "/tests/golden/log_v1.sql");
  std::stringstream sql;
  sql << file.rdbuf() << "PRAGMA application_id = " << log_application_id << ";";
  const LogDir dir;
  tamper(dir.log(), sql.str());
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  State state;
  const auto replayed = (*log)->replay([&](const Event& event) -> Result<void> {
    apply(state, event);
    return {};
  });
  ASSERT_TRUE(replayed) << to_text(replayed.error());
  EXPECT_EQ(state.applied.value, 11);
  EXPECT_EQ(ids((*log)->query({})), (std::vector<std::int64_t>{2, 1}));
  const auto first = (*log)->find({1});
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->state, JobState::completed);
  EXPECT_EQ((*first)->attempts, 1);
  EXPECT_EQ((*first)->nodes, 1);
  EXPECT_EQ((*first)->kind, "causal-analysis");
  EXPECT_NEAR((*first)->run_s, 0.051, 1e-9);
}

TEST(EventLogUpgrade, ChangesNothingInADamagedLog) {
  const LogDir dir;
  {
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log);
    Life(**log).begin();
  }
  tamper(dir.log(),
         "DROP TABLE history; DROP TABLE snapshots; DROP TABLE snapshot_parts;"
         "UPDATE schema SET version = 1; UPDATE events SET digest = 'f' WHERE seq = 2");
  for (int tries = 0; tries < 2; ++tries) {
    const auto log = open_event_log(dir.log());
    ASSERT_FALSE(log);
    EXPECT_EQ(log.error().code, Code::storage_corrupt);
    EXPECT_THAT(log.error().what, HasSubstr("event 2 does not match its digest"));
  }
  EXPECT_EQ(look_up(dir.log(), "SELECT count(*) FROM sqlite_schema WHERE name = 'history'"), 0);
}

class SnapshotTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void reopen() {
    log_.reset();
    auto log = open_event_log(dir_.log());
    ASSERT_TRUE(log) << to_text(log.error());
    log_ = *std::move(log);
  }
  // The newest saved state, and the events that came to it.
  State replayed(std::size_t warnings) {
    auto snapshot = log_->load_snapshot();
    EXPECT_TRUE(snapshot) << to_text(snapshot.error());
    EXPECT_EQ(snapshot->warnings.size(), warnings);
    saved_at_ = snapshot->state.applied.value;
    const auto done =
        log_->replay(snapshot->state.applied, [&](const Event& event) -> Result<void> {
          apply(snapshot->state, event);
          return {};
        });
    EXPECT_TRUE(done) << to_text(done.error());
    return std::move(snapshot->state);
  }
  // Two saved states, with events before, between and after them.
  State fill() {
    Life life(*log_);
    life.begin();
    for (int round = 0; round < 3; ++round) {
      life.run(life.submit("ada"));
      life.submit("bob");
      if (round < 2) {
        EXPECT_TRUE(log_->save_snapshot(life.state()));
      }
    }
    return life.state();
  }

  const LogDir dir_;
  std::unique_ptr<DurableLog> log_;
  std::int64_t saved_at_ = 0;
};

TEST_F(SnapshotTest, LeadsToTheStateOfAllEvents) {
  const State whole = fill();
  EXPECT_EQ(state_hash(replayed(0)), state_hash(whole));
  EXPECT_EQ(saved_at_, 12);
  reopen();
  EXPECT_EQ(state_hash(replayed(0)), state_hash(whole));
  EXPECT_EQ(saved_at_, 12);
  Life life(*log_, replayed(0));
  life.run(life.submit("eve"));
  EXPECT_EQ(state_hash(replayed(0)), state_hash(life.state())) << "appends go on behind it";
}

TEST_F(SnapshotTest, IsEmptyWhereNoneWasSaved) {
  EXPECT_EQ(replayed(0).applied, EventSeq{0});
  EXPECT_TRUE(log_->save_snapshot(State{})) << "of no events there is nothing to save";
  EXPECT_EQ(replayed(0).applied, EventSeq{0});
}

TEST_F(SnapshotTest, MayBeSavedTwiceAtOneEvent) {
  const State whole = fill();
  EXPECT_TRUE(log_->save_snapshot(whole));
  EXPECT_TRUE(log_->save_snapshot(whole));
  EXPECT_EQ(state_hash(replayed(0)), state_hash(whole));
  EXPECT_EQ(saved_at_, whole.applied.value);
}

TEST_F(SnapshotTest, KeepsTheNewestTwo) {
  Life life(*log_);
  life.begin();
  for (int n = 0; n < 5; ++n) {
    life.submit("ada");
    ASSERT_TRUE(log_->save_snapshot(life.state()));
  }
  log_.reset();
  EXPECT_EQ(look_up(dir_.log(), "SELECT count(*) FROM snapshots"), 2);
  EXPECT_EQ(look_up(dir_.log(), "SELECT count(DISTINCT seq) FROM snapshot_parts"), 2);
  tamper(dir_.log(), "DELETE FROM snapshots WHERE seq = 7");
  reopen();
  replayed(0);
  EXPECT_EQ(saved_at_, 6);
}

TEST_F(SnapshotTest, FallsBackToTheOneBeforeAndThenToAllEvents) {
  const State whole = fill();
  for (const char* sql :
       {"UPDATE snapshot_parts SET text = replace(text, 'ada', 'eve') WHERE seq = 12",
        "UPDATE snapshot_parts SET text = 'J{' WHERE seq = 12",
        "UPDATE snapshots SET digest = 'ffffffffffffffff' WHERE seq = 12",
        "UPDATE snapshots SET hash = 'ffffffffffffffff' WHERE seq = 12",
        "UPDATE snapshots SET chain = 'ffffffffffffffff' WHERE seq = 12",
        "DELETE FROM snapshot_parts WHERE seq = 12"}) {
    log_.reset();
    const std::string copy = dir_.path() + "/copy.db";
    std::filesystem::copy_file(dir_.log(), copy, std::filesystem::copy_options::overwrite_existing);
    tamper(dir_.log(), sql);
    reopen();
    EXPECT_EQ(state_hash(replayed(1)), state_hash(whole)) << sql;
    EXPECT_EQ(saved_at_, 7) << sql;
    log_.reset();
    tamper(dir_.log(), "UPDATE snapshots SET digest = 'f'");
    reopen();
    EXPECT_EQ(state_hash(replayed(2)), state_hash(whole)) << sql;
    EXPECT_EQ(saved_at_, 0);
    log_.reset();
    std::filesystem::rename(copy, dir_.log());
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(dir_.log() + suffix);
    reopen();
  }
}

TEST_F(SnapshotTest, IsNotUsedForALogThatLostItsEvents) {
  fill();
  log_.reset();
  tamper(dir_.log(), "DELETE FROM events WHERE seq > 10");
  reopen();
  const auto snapshot = log_->load_snapshot();
  ASSERT_TRUE(snapshot);
  EXPECT_EQ(snapshot->state.applied.value, 7);
  ASSERT_EQ(snapshot->warnings.size(), 1U);
  EXPECT_THAT(snapshot->warnings[0], HasSubstr("the log does not have the event"));
}

TEST_F(SnapshotTest, StillSeesDamageToLaterEvents) {
  fill();
  for (const char* sql : {"DELETE FROM events WHERE seq = 14", "DELETE FROM events WHERE seq > 14",
                          "UPDATE events SET digest = 'f' WHERE seq = 13"}) {
    log_.reset();
    const std::string copy = dir_.path() + "/copy.db";
    std::filesystem::copy_file(dir_.log(), copy, std::filesystem::copy_options::overwrite_existing);
    reopen();
    tamper(dir_.log(), sql);
    const auto snapshot = log_->load_snapshot();
    ASSERT_TRUE(snapshot && snapshot->state.applied.value == 12);
    const auto done = log_->replay({12}, [](const Event&) -> Result<void> { return {}; });
    ASSERT_FALSE(done) << sql;
    EXPECT_EQ(done.error().code, Code::storage_corrupt);
    log_.reset();
    std::filesystem::rename(copy, dir_.log());
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(dir_.log() + suffix);
    reopen();
  }
}

void check_reader(EventLog& log, EventReader& reader) {
  std::vector<Event> batch = numbered_batch(1, 10);
  ASSERT_TRUE(log.append(batch));
  const auto read = [&](std::int64_t after, std::size_t limit) {
    const auto events = reader.read_events({after}, limit);
    EXPECT_TRUE(events);
    std::vector<std::int64_t> numbers;
    for (const Event& event : *events) numbers.push_back(event.seq.value);
    return numbers;
  };
  using Ids = std::vector<std::int64_t>;
  EXPECT_EQ(read(0, 3), (Ids{1, 2, 3}));
  EXPECT_EQ(read(3, 3), (Ids{4, 5, 6}));
  EXPECT_EQ(read(8, 3), (Ids{9, 10}));
  EXPECT_EQ(read(10, 3), Ids{});
  EXPECT_EQ(read(99, 3), Ids{});
  EXPECT_EQ(read(0, 100).size(), 10U);
}

TEST(EventReader, ReadsPiecesInMemory) {
  MemoryEventLog log;
  check_reader(log, log);
}

TEST(EventReader, ReadsPiecesInSqlite) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  check_reader(**log, **log);
}

}  // namespace
}  // namespace sovren::storage
