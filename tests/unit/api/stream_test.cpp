// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "scheduler/api/sse_parser.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;

/// Opens a stream for each request and hands it to the test.
class Watchers {
 public:
  Handler handler() {
    return [this](Request, const Responder& responder) {
      const std::lock_guard lock(mutex_);
      streams_.push_back(responder.open_stream());
      changed_.notify_all();
    };
  }
  std::vector<std::shared_ptr<EventStream>> wait_for(std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return streams_.size() >= count; });
    return streams_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<EventStream>> streams_;
};

EventReader open_events(const UnixServer& world) {
  auto reader = world.client()->events("/events");
  if (!reader) throw std::runtime_error(to_text(reader.error()));
  return std::move(*reader);
}

TEST(EventStream, BringsEventsInOrderAndEnds) {
  Watchers watchers;
  const UnixServer world(watchers.handler());
  EventReader reader = open_events(world);
  const auto stream = watchers.wait_for(1).front();
  for (int i = 1; i <= 3; ++i)
    stream->send(std::to_string(i), "job", "first line\nline " + std::to_string(i));
  stream->close();
  for (int i = 1; i <= 3; ++i) {
    auto event = reader.next();
    ASSERT_TRUE(event) << to_text(event.error());
    ASSERT_TRUE(*event);
    EXPECT_EQ((*event)->id, std::to_string(i));
    EXPECT_EQ((*event)->event, "job");
    EXPECT_EQ((*event)->data, "first line\nline " + std::to_string(i));
  }
  auto end = reader.next();
  ASSERT_TRUE(end) << to_text(end.error());
  EXPECT_FALSE(*end);
  EXPECT_FALSE(stream->is_open());
}

TEST(EventStream, OneWatcherOfAHundredThatDoesNotReadHoldsNobodyUp) {
  constexpr int watchers_count = 100;
  Watchers watchers;
  const UnixServer world(watchers.handler(), {.stream_bytes_max = 64 << 10});
  RawClient sleeper = world.raw();
  sleeper.send(get("/events"));
  const auto sleepers = watchers.wait_for(1).front();
  std::vector<EventReader> readers;
  readers.reserve(watchers_count);
  for (int i = 0; i < watchers_count; ++i) readers.push_back(open_events(world));
  const auto streams = watchers.wait_for(watchers_count + 1);

  // Until the sleeper has lost something; each event is read by all the others before the next.
  const std::string data(4096, 'x');
  int sent = 0;
  while (sleepers->is_open()) {
    ++sent;
    for (const auto& stream : streams) stream->send(std::to_string(sent), "tick", data);
    for (EventReader& reader : readers) {
      auto event = reader.next();
      ASSERT_TRUE(event && *event);
      ASSERT_EQ((*event)->id, std::to_string(sent));
    }
  }
  for (std::size_t i = 1; i < streams.size(); ++i) EXPECT_TRUE(streams[i]->is_open());

  // What the sleeper finds when it wakes: a beginning without gaps, then that it has lagged.
  SseParser parser;
  std::string bytes = sleeper.read_all();
  EXPECT_THAT(bytes, HasSubstr("event: lagged"));
  EXPECT_THAT(bytes, HasSubstr("\r\n0\r\n\r\n"));
}

TEST(EventStream, WatcherThatLeavesIsForgotten) {
  Watchers watchers;
  const UnixServer world(watchers.handler());
  {
    EventReader reader = open_events(world);
    watchers.wait_for(1).front()->send("1", "job", "x");
    ASSERT_TRUE(reader.next());
  }
  const auto stream = watchers.wait_for(1).front();
  while (stream->is_open()) std::this_thread::yield();
}

TEST(EventStream, QuietStreamHasAHeartbeat) {
  Watchers watchers;
  const UnixServer world(watchers.handler(), {.heartbeat_s = 0.1});
  RawClient client = world.raw();
  client.send(get("/events"));
  watchers.wait_for(1);
  client.read_until(": still here\n\n");
  client.read_until(": still here\n\n");
}

TEST(EventStream, OldClientGetsAStreamWithoutChunks) {
  Watchers watchers;
  const UnixServer world(watchers.handler());
  RawClient client = world.raw();
  client.send("GET /events HTTP/1.0\r\n\r\n");
  const auto stream = watchers.wait_for(1).front();
  stream->send("7", "job", "x");
  stream->close();
  const std::string all = client.read_all();
  EXPECT_THAT(all, HasSubstr("\r\n\r\nid: 7\nevent: job\ndata: x\n\n"));
}

TEST(EventStream, TakesEventsBeforeTheHeadIsOutAndFromManyThreads) {
  const UnixServer world([](Request, const Responder& responder) {
    auto stream = responder.open_stream();
    std::vector<std::thread> senders;
    for (int t = 0; t < 4; ++t)
      senders.emplace_back([stream] {
        for (int i = 0; i < 100; ++i) stream->send("", "tick", "x");
      });
    for (std::thread& sender : senders) sender.join();
    stream->close();
  });
  EventReader reader = open_events(world);
  int count = 0;
  for (auto event = reader.next(); event && *event; event = reader.next()) ++count;
  EXPECT_EQ(count, 400);
}

TEST(EventStream, LaggedReplacesWhatIsQueued) {
  int woken = 0;
  EventStream stream(100, [&] { ++woken; });
  stream.send("1", "job", std::string(60, 'a'));
  stream.send("2", "job", std::string(60, 'b'));
  stream.send("3", "job", "never");
  EXPECT_FALSE(stream.is_open());
  EXPECT_EQ(woken, 1);
  const EventStream::Batch batch = stream.take();
  EXPECT_TRUE(batch.is_last);
  EXPECT_THAT(batch.bytes, testing::StartsWith("event: lagged\n"));
}

TEST(SseParser, ReadsEventsHoweverTheyAreCut) {
  const std::string text =
      ": comment\n\nid: 1\r\nevent: a\r\ndata: x\r\n\r\ndata\n\nid: 2\ndata:y\ndata: z\n\nevent: "
      "b\n\n";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    SseParser parser;
    std::string seen;
    for (std::size_t at = 0; at < text.size(); at += step) {
      parser.feed(std::string_view(text).substr(at, step));
      while (const auto event = parser.next())
        seen += event->id + "/" + event->event + "/" + event->data + ";";
    }
    EXPECT_EQ(seen, "1/a/x;1//;2//y\nz;") << step;
  }
}

}  // namespace
}  // namespace sovren::api
