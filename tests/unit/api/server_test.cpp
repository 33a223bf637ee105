// SPDX-License-Identifier: Apache-2.0
// Well-behaved clients: what a request becomes, and how answers come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Requests that wait for the test to answer them.
class Waiting {
 public:
  Handler handler() {
    return [this](Request, Responder responder) {
      const std::lock_guard lock(mutex_);
      responders_.push_back(std::move(responder));
      changed_.notify_all();
    };
  }
  Responder next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !responders_.empty(); });
    Responder first = std::move(responders_.front());
    responders_.erase(responders_.begin());
    return first;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Responder> responders_;
};

TEST(HttpServer, TellsTheHandlerWhatWasAsked) {
  const UnixServer world(echo);
  auto reply = world.client()->call("POST", "/v1/jobs/a%2Fb%20c?state=RUNNING&x=1+2%263", "hello",
                                    30, {{"X-Note", "noted"}});
  ASSERT_TRUE(reply) << to_text(reply.error());
  EXPECT_EQ(reply->status, 200);
  EXPECT_EQ(reply->body,
            "POST [v1] [jobs] [a/b c] state=RUNNING x=1 2&3 note:noted body:hello uid:" +
                std::to_string(::geteuid()));
}

TEST(HttpServer, AnswersManyRequestsOnOneConnection) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/" + std::to_string(i)));
    const std::string reply = client.read_reply();
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(reply, HasSubstr("GET [" + std::to_string(i) + "]"));
  }
  client.send(get("/last", "Connection: close\r\n"));
  EXPECT_THAT(client.read_all(), HasSubstr("Connection: close"));
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  std::string all;
  for (int i = 0; i < 50; ++i) all += post("/n" + std::to_string(i), std::string(3000, 'x'));
  client.send(all);
  for (int i = 0; i < 50; ++i)
    EXPECT_THAT(client.read_reply(), HasSubstr("POST [n" + std::to_string(i) + "]"));
}

TEST(HttpServer, PipelinedRequestWaitsForTheAnswerBeforeIt) {
  Waiting waiting;
  const UnixServer world(waiting.handler());
  RawClient client = world.raw();
  client.send(get("/slow") + get("/fast"));
  waiting.next().send({.body = "first"});
  EXPECT_THAT(client.read_reply(), HasSubstr("first"));
  waiting.next().send({.body = "second"});
  EXPECT_THAT(client.read_reply(), HasSubstr("second"));
}

TEST(HttpServer, FirstAnswerCounts) {
  const UnixServer world([](Request, const Responder& responder) {
    responder.send({.body = "first"});
    responder.send({.body = "second"});
    EXPECT_FALSE(responder.open_stream()->is_open());
  });
  RawClient client = world.raw();
  client.send(get("/") + get("/"));
  EXPECT_THAT(client.read_reply(), HasSubstr("first"));
  EXPECT_THAT(client.read_reply(), HasSubstr("first"));
}

TEST(HttpServer, AnswersFromAnotherThread) {
  Waiting waiting;
  const UnixServer world(waiting.handler());
  RawClient client = world.raw();
  client.send(get("/"));
  std::thread([responder = waiting.next()] { responder.send({.body = "late"}); }).join();
  EXPECT_THAT(client.read_reply(), HasSubstr("late"));
}

TEST(HttpServer, ForgottenRequestIsToldOfABug) {
  const UnixServer world([](Request, const Responder&) {});
  RawClient client = world.raw();
  client.send(get("/"));
  const std::string reply = client.read_reply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(reply, HasSubstr(R"("code":"bug")"));
}

TEST(HttpServer, ClientThatLeavesBeforeTheAnswerHarmsNobody) {
  Waiting waiting;
  const UnixServer world(waiting.handler());
  for (int i = 0; i < 20; ++i) {
    RawClient client = world.raw();
    client.send(get("/"));
    const Responder responder = waiting.next();
    client.close();
    if (i % 2 == 0)
      responder.send({.body = std::string(1 << 20, 'x')});
    else
      responder.open_stream()->send("1", "event", "data");
  }
  RawClient client = world.raw();
  client.send(get("/"));
  waiting.next().send({.body = "alive"});
  EXPECT_THAT(client.read_reply(), HasSubstr("alive"));
}

TEST(HttpServer, HalfClosedClientStillGetsItsAnswer) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  client.send(get("/"));
  client.shut_write();
  EXPECT_THAT(client.read_all(), HasSubstr("GET"));
}

TEST(HttpServer, ServesManyClientsAtOnce) {
  const UnixServer world(echo);
  std::vector<std::thread> clients;
  std::atomic<int> right{0};
  for (int c = 0; c < 16; ++c)
    clients.emplace_back([&, c] {
      const auto client = world.client();
      for (int i = 0; i < 100; ++i) {
        const std::string body = std::to_string(c) + "-" + std::to_string(i);
        const auto reply = client->call("POST", "/", body, 60);
        if (reply && reply->body.find("body:" + body + " ") != std::string::npos) ++right;
      }
    });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(right, 1600);
}

TEST(HttpServer, HeadHasTheLengthButNoBody) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  client.send("HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n" + get("/y"));
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("Content-Length: "));
  EXPECT_THAT(client.read_reply(), StartsWith("HTTP/1.1 200 OK"));
}

TEST(HttpServer, ConfirmsABodyThatAsksFirst) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hello");
  EXPECT_THAT(client.read_reply(), HasSubstr("body:hello"));
}

TEST(HttpServer, TakesAChunkedBody) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  client.send("lo\r\n6\r\n world\r\n0\r\n\r\n");
  EXPECT_THAT(client.read_reply(), HasSubstr("body:hello world"));
}

TEST(HttpServer, StopLetsPendingAnswersOut) {
  Waiting waiting;
  UnixServer world(waiting.handler());
  RawClient idle = world.raw();
  RawClient client = world.raw();
  client.send(get("/"));
  const Responder responder = waiting.next();
  std::thread stopper([&] { world.server().stop(60); });
  EXPECT_EQ(idle.read_all(), "");  // stopping has begun
  responder.send({.body = "in time"});
  EXPECT_THAT(client.read_all(), HasSubstr("in time"));
  stopper.join();
  EXPECT_FALSE(std::filesystem::exists(world.path()));
  responder.send({.body = "after the end"});
}

}  // namespace
}  // namespace sovren::api
