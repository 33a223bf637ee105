// SPDX-License-Identifier: Apache-2.0
// What clients queue: arrays, keys, limits, dependencies; and what becomes of jobs that have ended.
#include <gmock/gmock.h>

#include "tests/unit/engine/daemon.h"

namespace sovren::engine {
namespace {

using testing::HasSubstr;

class Queue : public Daemon {
 protected:
  void SetUp() override {
    Daemon::SetUp();
    ASSERT_TRUE(hello("n1"));
  }
  Error refusal(std::function<void(QueueRequest&, JobSpec&)> change) {
    auto queued = queue(std::move(change));
    EXPECT_FALSE(queued);
    return queued ? Error{} : queued.error();
  }
  static auto after(const std::string& text) {
    return [text](QueueRequest&, JobSpec& spec) { spec.after = text; };
  }
  // Jobs that end at once: COMPLETED, or CANCELLED.
  JobId run_one(bool is_good = true) {
    const JobId id = queue()->first;
    EXPECT_EQ(job(id).state, JobState::running);
    if (!is_good) {
      EXPECT_TRUE(write([=](Engine& e) { return e.request(id, Request::cancel, "ada"); }));
      (void)tell("n1", id, 1, AttemptExited{85, std::nullopt});
    } else {
      finish("n1", id);
    }
    EXPECT_TRUE(!state().jobs.contains(id) || is_final(job(id).state));
    return id;
  }
};

TEST_F(Queue, AnArrayIsOneSpecAndOneAppend) {
  const int appends = log_.appends;
  const auto queued = queue([](QueueRequest&, JobSpec& spec) {
    spec.array = {{"frame", {"1", "2", "3"}}};
    spec.comment = "frame ${frame}";
  });
  ASSERT_TRUE(queued) << to_text(queued.error());
  EXPECT_EQ(queued->jobs, 3);
  EXPECT_EQ(log_.appends, appends + 1) << "also what was decided on it";
  EXPECT_EQ(state().specs.size(), 1U);
  EXPECT_EQ(job({3}).array_job, JobId{1});
  EXPECT_EQ(job({3}).element, 2);
  EXPECT_EQ(job({3}).dir, "/jobs/3");
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) {
    spec.array = {{"frame", {"1", "2", "3"}}};
    spec.comment = "frame ${frame}";
  }));
  EXPECT_EQ(state().specs.size(), 1U) << "the same again";
}

TEST_F(Queue, ElementsGetTheirOwnSpec) {
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) {
    spec.array = {{"frame", {"7", "8"}}};
    spec.comment = "frame ${frame}";
  }));
  std::vector<std::string> comments;
  ASSERT_TRUE(host_->take_orders("n1", "n1-1", 0, [&](Result<std::vector<Order>> orders) {
    for (const Order& order : *orders)
      comments.push_back(std::get<AttemptOrder>(order.what).spec.comment);
  }));
  host_->pump();
  EXPECT_THAT(comments, testing::ElementsAre("frame 7", "frame 8"));
}

TEST_F(Queue, TheSameKeyMakesNoNewJobs) {
  const auto keyed = [](const std::string& user, const std::string& digest) {
    return [=](QueueRequest& request, JobSpec& spec) {
      request.user = user;
      request.key = "k";
      request.digest = digest;
      spec.array = {{"i", {"1", "2"}}};
    };
  };
  EXPECT_FALSE(queue(keyed("ada", "d"))->is_repeat);
  restart();
  const auto again = queue(keyed("ada", "d"));
  EXPECT_TRUE(again->is_repeat);
  EXPECT_EQ(again->first, JobId{1});
  EXPECT_EQ(again->jobs, 2);
  EXPECT_EQ(refusal(keyed("ada", "other")).code, Code::refused);
  EXPECT_EQ(queue(keyed("bob", "other"))->first, JobId{3}) << "another user's key is another";
}

TEST_F(Queue, HasLimits) {
  config_.engine.array_max = 100'000;
  config_.engine.open_jobs_max = 3;
  restart();
  ASSERT_TRUE(hello("n1"));
  const Error large = refusal([](QueueRequest&, JobSpec& spec) {
    spec.array = {{"i", std::vector<std::string>(100'001, "1")}};
  });
  EXPECT_EQ(large.code, Code::refused);
  EXPECT_THAT(large.what, HasSubstr("100001 elements"));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(queue());
  EXPECT_THAT(refusal(nullptr).what, HasSubstr("3 jobs wait and run already"));
  finish("n1", {1});
  restart();
  EXPECT_TRUE(queue());
  EXPECT_FALSE(queue());
}

TEST_F(Queue, HoldsUsersAndAccountsToTheirLimits) {
  config_.engine.policy.site.user_limits.submitted_jobs = 3;
  config_.engine.policy.site.accounts = {{.name = "lab", .limits = {.submitted_jobs = 2}}};
  restart();
  ASSERT_TRUE(hello("n1"));
  const auto of = [](const std::string& user, const std::string& account) {
    return [=](QueueRequest& request, JobSpec& spec) {
      request.user = user;
      spec.account = account;
    };
  };
  EXPECT_TRUE(queue(of("ada", "lab")));
  EXPECT_TRUE(queue(of("bob", "lab")));
  EXPECT_THAT(refusal(of("cy", "lab")).what, HasSubstr("account lab has 2 jobs"));
  ASSERT_TRUE(write([](Engine& e) { return e.request({2}, Request::cancel, "bob"); }));
  (void)tell("n1", {2}, 1, AttemptExited{85, std::nullopt});
  EXPECT_TRUE(queue(of("ada", "lab")));
  // A refused append takes the count back.
  log_.fault = FaultyLog::Fault::refuse;
  log_.fault_at = 1;
  ASSERT_TRUE(
      write([](Engine& e) { return e.request({3}, Request::cancel, "ada"); }).error().code ==
      Code::storage_io);
  EXPECT_EQ(refusal(of("cy", "lab")).code, Code::refused);
}

TEST_F(Queue, WaitsForNoJobThatDoesNotExist) {
  EXPECT_THAT(refusal(after("ok:1")).what, HasSubstr("job 1, which does not exist"))
      << "not for itself either";
  EXPECT_TRUE(queue());
  EXPECT_TRUE(queue(after("ok:1")));
  EXPECT_THAT(refusal(after("ok:99")).what, HasSubstr("does not exist"));
  EXPECT_EQ(refusal(after("perhaps:1")).code, Code::spec_invalid);
}

TEST_F(Queue, EndsWhatWaitsForSomethingThatCannotComeTrue) {
  ASSERT_TRUE(queue());
  ASSERT_TRUE(queue(after("ok:1")));
  ASSERT_TRUE(queue(after("ok:2")));
  ASSERT_TRUE(write([](Engine& e) { return e.request({1}, Request::cancel, "ada"); }));
  (void)tell("n1", {1}, 1, AttemptExited{85, std::nullopt});
  EXPECT_EQ(job({2}).state, JobState::cancelled);
  EXPECT_THAT(job({2}).why, HasSubstr("job 1"));
  EXPECT_EQ(job({3}).state, JobState::cancelled) << "and so on";
}

TEST_F(Queue, ForgetsWhatEndedLongAgoButNotWhatIsWaitedFor) {
  config_.engine.ended_jobs_kept = 2;
  restart();
  ASSERT_TRUE(hello("n1"));
  const JobId awaited = run_one();
  ASSERT_TRUE(queue([&](QueueRequest& request, JobSpec& spec) {
    request.is_held = true;
    spec.after = "ok:" + std::to_string(awaited.value);
  }));
  const JobId good = run_one();
  const JobId bad = run_one(false);
  for (int i = 0; i < 5; ++i) run_one();
  EXPECT_FALSE(state().jobs.contains(good));
  EXPECT_FALSE(state().jobs.contains(bad));
  EXPECT_TRUE(state().jobs.contains(awaited));
  EXPECT_EQ(log_.find(good).value()->state, JobState::completed);
  const auto text = [](const char* kind, JobId id) {
    return std::string(kind) + ":" + std::to_string(id.value);
  };
  const auto fulfilled = queue(after(text("ok", good) + "," + text("any", bad) + ",singleton"));
  ASSERT_TRUE(fulfilled) << to_text(fulfilled.error());
  EXPECT_EQ(job(fulfilled->first).spec->after, "singleton")
      << "what is fulfilled is not waited for";
  EXPECT_THAT(refusal(after(text("ok", bad))).what, HasSubstr("can never start"));
  EXPECT_THAT(refusal(after(text("notok", good))).what, HasSubstr("can never start"));
}

TEST_F(Queue, KeepsElementsOfAnArrayUntilAllHaveEnded) {
  config_.engine.ended_jobs_kept = 1;
  restart();
  ASSERT_TRUE(hello("n1"));
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) {
    spec.array = {{"i", {"1", "2", "3"}}};
    spec.array_max_running = 1;
  }));
  const auto end_next = [&] {
    for (const auto& [id, each] : state().jobs)
      if (each.state == JobState::running && each.array_job == JobId{1}) return finish("n1", id);
  };
  end_next();
  for (int i = 0; i < 4; ++i) run_one();
  EXPECT_TRUE(state().jobs.contains({1})) << "job 3 still waits";
  end_next();
  end_next();
  for (int i = 0; i < 4; ++i) run_one();
  for (std::int64_t id = 1; id <= 3; ++id) EXPECT_FALSE(state().jobs.contains({id})) << id;
}

TEST_F(Queue, RequeuesWhatRunsAndWhatHasEnded) {
  ASSERT_TRUE(queue());
  EXPECT_EQ(write([](Engine& e) { return e.requeue({1}, "ada"); }).has_value(), true);
  (void)tell("n1", {1}, 1, RankReport(ReportSealed{10, 1, 1}));
  (void)tell("n1", {1}, 1, AttemptExited{85, std::nullopt});
  EXPECT_EQ(job().attempts, 2);
  finish("n1", {1});
  EXPECT_EQ(job().state, JobState::completed);
  ASSERT_TRUE(write([](Engine& e) { return e.requeue({1}, "ada"); }));
  EXPECT_EQ(job().attempts, 3);
  EXPECT_EQ(job().state, JobState::running);
  EXPECT_EQ(job().sealed_step, 10) << "from its checkpoint";
  EXPECT_EQ(write([](Engine& e) { return e.requeue({7}, "ada"); }).error().code, Code::not_found);
}

TEST_F(Queue, RequeuesAndPreemptsNothingThatMayNotBeginAnew) {
  ASSERT_TRUE(queue([](QueueRequest&, JobSpec& spec) { spec.retry.requeue = false; }));
  const auto refused = [&](auto&& order) {
    const auto done = write(order);
    return !done && done.error().code == Code::refused &&
           done.error().what.find("retry.requeue = false") != std::string::npos;
  };
  const auto requeue = [](Engine& e) { return e.requeue({1}, "ada"); };
  EXPECT_TRUE(refused(requeue));
  EXPECT_TRUE(refused([](Engine& e) { return e.request({1}, Request::preempt, "ada"); }));
  EXPECT_EQ(job().state, JobState::running);
  finish("n1", {1});
  EXPECT_TRUE(refused(requeue));
}

TEST_F(Queue, AHeldJobWaitsForItsRelease) {
  ASSERT_TRUE(queue([](QueueRequest& request, JobSpec&) { request.is_held = true; }));
  EXPECT_EQ(job().state, JobState::pending);
  EXPECT_EQ(host_->engine().reason_of({1}).code, "JobHeldUser");
  ASSERT_TRUE(write([](Engine& e) { return e.release({1}, "ada"); }));
  EXPECT_EQ(job().state, JobState::running);
  ASSERT_TRUE(write([](Engine& e) { return e.hold({1}, "ada"); }));
  (void)tell("n1", {1}, 1, AttemptExited{85, std::nullopt});
  EXPECT_TRUE(job().is_held);
}

TEST_F(Queue, StartsFromASnapshotAsFromTheWholeLog) {
  config_.engine.snapshot_every_events = 10;
  config_.engine.mark_every_events = 7;
  restart();
  ASSERT_TRUE(hello("n1"));
  for (int i = 0; i < 12; ++i) run_one();
  ASSERT_TRUE(queue());
  const auto was = state_hash(state());
  EXPECT_GT(log_.load_snapshot()->state.applied.value, 10);
  restart();
  EXPECT_EQ(state_hash(state()), was);
  EXPECT_EQ(state_hash(replayed(log_.events())), was);
}

TEST_F(Queue, RefusesALogThatDoesNotLeadToTheStateThatWasRecorded) {
  config_.engine.mark_every_events = 1;
  restart();
  ASSERT_TRUE(hello("n1"));
  run_one();
  FaultyLog other;
  auto events = log_.events();
  for (Event& event : events)
    if (auto* submitted = std::get_if<JobSubmitted>(&event.body)) submitted->user = "eve";
  ASSERT_TRUE(other.append(events));
  const auto opened = EngineHost::open(other, clock_, config_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::storage_corrupt);
  EXPECT_FALSE(opened.error().hint.empty());
}

}  // namespace
}  // namespace sovren::engine
