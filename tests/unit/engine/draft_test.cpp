// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/draft.h"

#include <gtest/gtest.h>

#include "tests/unit/engine/world.h"

namespace sovren::engine {
namespace {

// Touches everything that an event can touch: jobs and nodes that are new, changed and gone.
void fill(Draft& draft) {
  draft.add(Instant{1000}, NodeJoined{"new", {.cpus = 8}});
  draft.add(Instant{1000},
            JobSubmitted{
                .job = {2}, .user = "bob", .dir = "/b", .spec = JobSpec{}, .oldest_set_job = {2}});
  draft.add(Instant{1000}, AttemptStarted{{2}, 1, "new", 1});
  draft.add(Instant{1000}, CheckpointSealed{{1}, 1, 20, 5, 1});
  draft.add(Instant{1000}, StopRequested{{1}, Request::stop, "ada"});
  draft.add(Instant{1000}, AttemptEnded{{1}, 1, Ending::killed, 137, Error{.what = "x"}});
  draft.add(Instant{1000}, JobRequeued{{1}, Instant{5}, true, "retry"});
  draft.add(Instant{1000}, AttemptStarted{{1}, 2, "old", 2});
  draft.add(Instant{1000}, AttemptEnded{{1}, 2, Ending::retry, 75, std::nullopt});
  draft.add(Instant{1000}, JobEnded{{1}, JobState::failed, "gave up", ""});
  draft.add(Instant{1000}, NodeLeft{"gone", "x"});
  draft.add(Instant{1000}, NodeForgotten{"gone"});
  draft.add(Instant{1000}, AllocationStarted{{1}, Instant{9000}});
  draft.add(Instant{1000}, AllocationEnded{{2}, "gone"});
  draft.add(Instant{1000}, AllocationAsked{{3}, "render", 60});
  draft.add(Instant{1000}, AllocationReleased{{3}, "not needed"});
  draft.add(Instant{1000}, PoolNoted{"render", "at max_nodes"});
  draft.add(Instant{1000}, PoolNoted{"old", ""});
}

void add_pools(Draft& draft) {
  draft.add(Instant{1000}, AllocationAsked{{1}, "render", 60});
  draft.add(Instant{1000}, AllocationAsked{{2}, "render", 60});
  draft.add(Instant{1000}, PoolNoted{"old", "refused"});
}

State before() {
  State state;
  storage::MemoryEventLog log;
  Draft draft(state);
  draft.add(Instant{1000}, NodeJoined{"old", {.cpus = 4}});
  draft.add(Instant{1000}, NodeJoined{"gone", {.cpus = 4}});
  draft.add(Instant{1000},
            JobSubmitted{
                .job = {1}, .user = "ada", .dir = "/a", .spec = JobSpec{}, .oldest_set_job = {1}});
  draft.add(Instant{1000}, AttemptStarted{{1}, 1, "old", 2});
  draft.add(Instant{1000}, CheckpointSealed{{1}, 1, 10, 5, 1});
  add_pools(draft);
  EXPECT_TRUE(draft.commit(log));
  return state;
}

TEST(Draft, RollsBackWhatALogRefuses) {
  State state = before();
  const std::string was = state_text(state);
  FaultyLog log;
  log.fault = FaultyLog::Fault::refuse;
  log.fault_at = 1;
  Draft draft(state);
  fill(draft);
  EXPECT_NE(state_text(state), was) << "a draft shows where it leads";
  const auto committed = draft.commit(log);
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().code, Code::storage_io);
  EXPECT_EQ(state_text(state), was);
}

TEST(Draft, RollsBackWhenItIsDropped) {
  State state = before();
  const std::string was = state_text(state);
  {
    Draft draft(state);
    fill(draft);
  }
  EXPECT_EQ(state_text(state), was);
}

TEST(Draft, LeadsWhereReplayLeads) {
  State state;
  storage::MemoryEventLog log;
  for (int i = 0; i < 2; ++i) {
    Draft draft(state);
    if (i == 0) {
      draft.add(Instant{1000}, NodeJoined{"old", {.cpus = 4}});
      draft.add(Instant{1000}, NodeJoined{"gone", {.cpus = 4}});
      draft.add(
          Instant{1000},
          JobSubmitted{
              .job = {1}, .user = "ada", .dir = "/a", .spec = JobSpec{}, .oldest_set_job = {1}});
      draft.add(Instant{1000}, AttemptStarted{{1}, 1, "old", 2});
      add_pools(draft);
    } else {
      fill(draft);
    }
    ASSERT_TRUE(draft.commit(log));
  }
  EXPECT_EQ(state_text(state), state_text(replayed(log.events())));
}

TEST(Draft, AppendsNothingWhenItIsEmpty) {
  State state;
  FaultyLog log;
  Draft draft(state);
  EXPECT_TRUE(draft.commit(log));
  EXPECT_EQ(log.appends, 0);
}

}  // namespace
}  // namespace sovren::engine
