// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/event_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scheduler/api/sse_parser.h"

namespace sovren::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Event event(std::int64_t seq, EventBody body) {
  return {.seq = EventSeq{seq}, .at = {1'800'000'000'000}, .body = std::move(body)};
}
Event of_job(std::int64_t seq, std::int64_t job) {
  return event(seq, JobEnded{.job = JobId{job}});
}

class EventHubTest : public testing::Test {
 protected:
  std::shared_ptr<EventStream> stream() {
    return std::make_shared<EventStream>(1 << 20, [] {});
  }
  /// "id event" of each that has come.
  static std::vector<std::string> seen(EventStream& stream) {
    SseParser parser;
    parser.feed(stream.take().bytes);
    std::vector<std::string> all;
    while (const auto event = parser.next()) all.push_back(event->id + " " + event->event);
    return all;
  }

  void publish(const Event& event) {
    hub_.publish(event);
    newest_ = event.seq;
  }
  void watch(const std::shared_ptr<EventStream>& stream, std::optional<JobId> job, EventSeq after) {
    hub_.watch(stream, job, after, newest_);
  }

  EventHub hub_{4};
  EventSeq newest_;
};

TEST_F(EventHubTest, WatcherGetsWhatComesAfterTheEventItNames) {
  for (int seq = 1; seq <= 3; ++seq) publish(of_job(seq, seq));
  const auto all = stream();
  const auto late = stream();
  watch(all, std::nullopt, EventSeq{0});
  watch(late, std::nullopt, EventSeq{2});
  publish(event(4, NodeLeft{.node = "n"}));
  EXPECT_THAT(seen(*all), ElementsAre("1 job_ended", "2 job_ended", "3 job_ended", "4 node_left"));
  EXPECT_THAT(seen(*late), ElementsAre("3 job_ended", "4 node_left"));
}

TEST_F(EventHubTest, WatcherOfAJobGetsItsEventsOnly) {
  publish(of_job(1, 7));
  const auto stream = this->stream();
  watch(stream, JobId{7}, EventSeq{0});
  publish(of_job(2, 8));
  publish(event(3, NodeLeft{.node = "n"}));
  publish(of_job(4, 7));
  EXPECT_THAT(seen(*stream), ElementsAre("1 job_ended", "4 job_ended"));
}

TEST_F(EventHubTest, GapIsTold) {
  for (int seq = 1; seq <= 6; ++seq) publish(of_job(seq, 1));
  const auto gap = stream();
  const auto none = stream();
  watch(gap, std::nullopt, EventSeq{1});
  watch(none, std::nullopt, EventSeq{2});
  EXPECT_THAT(seen(*gap),
              ElementsAre(" gap", "3 job_ended", "4 job_ended", "5 job_ended", "6 job_ended"));
  EXPECT_THAT(seen(*none), ElementsAre("3 job_ended", "4 job_ended", "5 job_ended", "6 job_ended"));
}

TEST_F(EventHubTest, NothingIsKeptAfterARestart) {
  newest_ = EventSeq{9};
  const auto away = stream();
  const auto there = stream();
  watch(away, std::nullopt, EventSeq{8});
  watch(there, std::nullopt, EventSeq{9});
  publish(of_job(10, 1));
  EXPECT_THAT(seen(*away), ElementsAre(" gap", "10 job_ended"));
  EXPECT_THAT(seen(*there), ElementsAre("10 job_ended"));
}

TEST_F(EventHubTest, JobWhoseEventsAreAllKeptHasNoGap) {
  for (int seq = 1; seq <= 4; ++seq) publish(of_job(seq, 1));
  publish(event(5, JobSubmitted{.job = JobId{2}}));
  publish(of_job(6, 2));
  const auto whole = stream();
  const auto part = stream();
  watch(whole, JobId{2}, EventSeq{0});
  watch(part, JobId{1}, EventSeq{0});
  EXPECT_THAT(seen(*whole), ElementsAre("5 job_submitted", "6 job_ended"));
  EXPECT_THAT(seen(*part), ElementsAre(" gap", "3 job_ended", "4 job_ended"));
}

TEST_F(EventHubTest, ReportsGoToThoseWhoWatchTheJob) {
  const auto of_seven = stream();
  const auto of_all = stream();
  watch(of_seven, JobId{7}, EventSeq{0});
  watch(of_all, std::nullopt, EventSeq{0});
  hub_.tell(JobId{7}, "progress", "{}");
  EXPECT_THAT(seen(*of_seven), ElementsAre(" progress"));
  EXPECT_THAT(seen(*of_all), ElementsAre());
  EXPECT_TRUE(hub_.has_watchers(JobId{7}));
  EXPECT_FALSE(hub_.has_watchers(JobId{8}));
}

TEST_F(EventHubTest, SpecIsLeftOut) {
  const std::string words = event_view(event(
      1,
      JobSubmitted{.job = JobId{3}, .user = "ada", .spec = SharedSpec(JobSpec{.name = "long"})}));
  EXPECT_THAT(words, HasSubstr(R"("user":"ada")"));
  EXPECT_THAT(words, Not(HasSubstr("long")));
}

}  // namespace
}  // namespace sovren::api
