// SPDX-License-Identifier: Apache-2.0
#include "storage/log/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "storage/log/memory_log.h"
#include "tests/unit/storage_log/log_dir.h"

namespace sovren::storage {
namespace {

using testing::HasSubstr;

// What every event log does, whatever it is made of.
void check_laws(EventLog& log) {
  EXPECT_TRUE(all_of(log).empty());
  std::vector<Event> batch = numbered_batch(1, 3);
  ASSERT_TRUE(log.append(batch));
  EXPECT_EQ(batch[0].seq, EventSeq{1});
  EXPECT_EQ(batch[2].seq, EventSeq{3});
  EXPECT_TRUE(log.append({}));
  std::vector<Event> one = numbered_batch(4, 1);
  ASSERT_TRUE(log.append(one));
  const std::vector<Event> events = all_of(log);
  ASSERT_EQ(events.size(), 4U);
  for (int n = 1; n <= 4; ++n) {
    const Event& event = events[static_cast<std::size_t>(n - 1)];
    EXPECT_EQ(event.seq, EventSeq{n});
    EXPECT_EQ(event.at, Instant{n});
    EXPECT_EQ(std::get<NodeLeft>(event.body).node, "node" + std::to_string(n));
  }
  int visits = 0;
  const auto stopped = log.replay([&](const Event&) -> Result<void> {
    if (++visits == 2) return fail({.code = Code::bug, .what = "enough"});
    return {};
  });
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().what, "enough");
  EXPECT_EQ(visits, 2);
}

TEST(EventLog, KeepsItsLawsInMemory) {
  MemoryEventLog log;
  check_laws(log);
}

TEST(EventLog, KeepsItsLawsInSqlite) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log) << to_text(log.error());
  check_laws(**log);
}

TEST(EventLog, MakesItsFolder) {
  const LogDir dir;
  EXPECT_TRUE(open_event_log(dir.path() + "/a/b/events.db"));
}

TEST(EventLog, GoesOnWhereItEnded) {
  const LogDir dir;
  for (int life = 0; life < 3; ++life) {
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log) << to_text(log.error());
    EXPECT_EQ(all_of(**log).size(), static_cast<std::size_t>(2 * life));
    std::vector<Event> batch = numbered_batch(2 * life + 1, 2);
    ASSERT_TRUE((*log)->append(batch));
    EXPECT_EQ(batch[1].seq, EventSeq{2 * life + 2});
    EXPECT_EQ(all_of(**log).size(), static_cast<std::size_t>(2 * life + 2));
  }
}

TEST(EventLog, GivesEveryKindOfEventBack) {
  const LogDir dir;
  JobSpec spec;
  spec.name = "drivers";
  spec.comment = "\"of\" \xc3\xa9t\xc3\xa9\n\\";
  std::get<CausalSpec>(spec.kind).data = "/data/x.csv";
  spec.resources.time_limit_s = 90;
  const JobId job{1};
  std::vector<Event> events;
  for (EventBody body : std::initializer_list<EventBody>{
           NodeJoined{"a", {2, 1, 1 << 20, {{"region", "eu"}}}}, NodeLeft{"a", "gone"},
           JobSubmitted{job, "ada", "/d", "d1gest", spec, job},
           StopRequested{job, Request::preempt, "ada"}, AttemptStarted{job, 1, "a", 4},
           CheckpointSealed{job, 1, 120, std::int64_t{1} << 40, 0.25},
           CheckpointRestored{job, 1, 120, 0.5}, CheckpointRejected{job, 1, "gen-1", "crc"},
           AttemptEnded{job, 1, Ending::killed, 137,
                        Error{Code::peer_lost, "what", "hint", "where", {"context"}}},
           JobRequeued{job, {99}, true, "why"}, JobEnded{job, JobState::timeout, "why", "digest"}})
    events.push_back({.at = {1'795'447'805'123}, .body = std::move(body)});
  {
    auto log = open_event_log(dir.log());
    ASSERT_TRUE(log && (*log)->append(events));
  }
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  const std::vector<Event> back = all_of(**log);
  ASSERT_EQ(back.size(), events.size());
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_TRUE(back[i].body == events[i].body) << event_name(events[i].body);
    EXPECT_EQ(back[i].at, events[i].at);
  }
}

TEST(EventLog, RecordsNothingThatCouldNotBeReadBack) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  ASSERT_TRUE(log);
  std::vector<Event> events = numbered_batch(1, 1);
  JobSpec spec;
  spec.comment = "\xff";  // not UTF-8
  events.push_back({.body = JobSubmitted{.job = {1}, .user = "ada", .dir = "/x", .spec = spec}});
  const auto appended = (*log)->append(events);
  ASSERT_FALSE(appended);
  EXPECT_TRUE(all_of(**log).empty());
  EXPECT_TRUE((*log)->append(std::span(events).first(1)));
  EXPECT_EQ(all_of(**log).size(), 1U);
}

TEST(EventLog, HasOneWriterAndNamesIt) {
  const LogDir dir;
  auto first = open_event_log(dir.log());
  ASSERT_TRUE(first);
  const auto second = open_event_log(dir.log());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::storage_busy);
  EXPECT_THAT(second.error().what, HasSubstr("process " + std::to_string(::getpid())));
  EXPECT_FALSE(second.error().hint.empty());
  first->reset();
  EXPECT_TRUE(open_event_log(dir.log()));
}

TEST(EventLog, LetsOthersReadWhileItWrites) {
  const LogDir dir;
  auto log = open_event_log(dir.log());
  std::vector<Event> batch = numbered_batch(1, 3);
  ASSERT_TRUE(log && (*log)->append(batch));
  sqlite3* reader = nullptr;
  ASSERT_EQ(sqlite3_open_v2(dir.log().c_str(), &reader, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  sqlite3_stmt* count = nullptr;
  ASSERT_EQ(sqlite3_prepare_v2(reader, "SELECT count(*) FROM events", -1, &count, nullptr),
            SQLITE_OK);
  ASSERT_EQ(sqlite3_step(count), SQLITE_ROW);
  EXPECT_EQ(sqlite3_column_int(count, 0), 3);
  std::vector<Event> more = numbered_batch(4, 1);
  EXPECT_TRUE((*log)->append(more)) << "a reader in the middle of its walk holds no writer up";
  sqlite3_finalize(count);
  sqlite3_close(reader);
}

TEST(EventLog, RefusesANetworkFileSystem) {
  const LogDir dir;
  const LogOptions on_nfs{
      .network_file_system = [](const std::string&) { return std::string("nfs"); }};
  const auto log = open_event_log(dir.log(), on_nfs);
  ASSERT_FALSE(log);
  EXPECT_EQ(log.error().code, Code::refused);
  EXPECT_THAT(log.error().what, HasSubstr("(nfs)"));
  EXPECT_FALSE(std::filesystem::exists(dir.log())) << "nothing was made";
}

}  // namespace
}  // namespace sovren::storage
