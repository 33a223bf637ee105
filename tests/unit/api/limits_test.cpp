// SPDX-License-Identifier: Apache-2.0
// Clients that ask for too much, too slowly, or for nonsense.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "scheduler/api/rate_limit.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

std::string answer_to(const UnixServer& world, const std::string& bytes) {
  RawClient client = world.raw();
  client.try_send(bytes);
  client.shut_write();
  return client.read_all();
}

TEST(HttpLimits, BodyOfOneGibibyteIsRefusedUnread) {
  const UnixServer world(echo);
  RawClient client = world.raw();
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 1073741824\r\n\r\n");
  const std::string reply = client.read_reply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 413 Content Too Large\r\n"));
  EXPECT_THAT(reply, AllOf(HasSubstr(R"("code":"refused")"), HasSubstr("16777216")));
  // It is sent all the same: at some point the server no longer listens.
  const std::string mebibyte(1 << 20, 'x');
  int sent = 0;
  while (sent < 1024 && client.try_send(mebibyte) == mebibyte.size()) ++sent;
  EXPECT_LT(sent, 1024);
}

TEST(HttpLimits, ChunkedBodyIsCountedToo) {
  const UnixServer world(echo, {.body_bytes_max = 100});
  EXPECT_THAT(
      answer_to(world, "POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" +
                           std::string(0x65, 'x') + "\r\n0\r\n\r\n"),
      StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(answer_to(world, post("/", std::string(100, 'x'))), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer_to(world, post("/", std::string(101, 'x'))), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpLimits, ClientReadsTheRefusalOfABodyThatItIsStillSending) {
  const UnixServer world(echo, {.body_bytes_max = 100});
  const auto client = world.client();
  const auto reply = client->call("POST", "/", std::string(64 << 20, 'x'), 60);
  ASSERT_TRUE(reply) << to_text(reply.error());
  EXPECT_EQ(reply->status, 413);
  const auto next = client->call("POST", "/", "small", 60);
  ASSERT_TRUE(next) << to_text(next.error());
  EXPECT_EQ(next->status, 200);
}

TEST(HttpLimits, HeadersAreBounded) {
  const UnixServer world(echo);
  EXPECT_THAT(answer_to(world, get("/", "X-Big: " + std::string(17 << 10, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to(world, get("/" + std::string(20 << 10, 'x'))), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(answer_to(world, get("/", "X-Big: " + std::string(15 << 10, 'x') + "\r\n")),
              StartsWith("HTTP/1.1 200 "));
}

TEST(HttpLimits, MalformedRequestsAreRefusedAndNobodyIsHarmed) {
  const UnixServer world(echo);
  const std::string host = "Host: t\r\n";
  for (const std::string& bytes : std::vector<std::string>{
           "\r\n\r\n\r\n",
           "NONSENSE\r\n\r\n",
           "GET /\r\n\r\n",
           "GET / HTTP/2.0\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + host + "\r\n",
           "GET http://t/ HTTP/1.1\r\n" + host + "\r\n",
           "GET /%zz HTTP/1.1\r\n" + host + "\r\n",
           "GET /%4 HTTP/1.1\r\n" + host + "\r\n",
           "GET /%00 HTTP/1.1\r\n" + host + "\r\n",
           "GET /%ff HTTP/1.1\r\n" + host + "\r\n",
           "GET /?a=%0a HTTP/1.1\r\n" + host + "\r\n",
           "GET / HTTP/1.1\r\nHost : t\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Content-Length: -1\r\n\r\n",
           "GET / HTTP/1.1\r\n" + host + "Content-Length: 99999999999999999999999\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
           "POST / HTTP/1.1\r\n" + host +
               "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
           "POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
           std::string("\0\x01\x02\xff", 4) + "\r\n\r\n",
           std::string("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", 11) + "\r\n\r\n"}) {
    const std::string reply = answer_to(world, bytes);
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 4")) << "after: " << bytes;
    EXPECT_THAT(reply, HasSubstr(R"("code":")"));
  }
  EXPECT_THAT(answer_to(world, get("/")), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpLimits, RequestCutOffIsDropped) {
  const UnixServer world(echo);
  EXPECT_EQ(answer_to(world, "GET / HTT"), "");
  EXPECT_EQ(answer_to(world, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel"), "");
  EXPECT_THAT(answer_to(world, get("/")), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpLimits, SlowClientIsToldAndClosed) {
  const UnixServer world(echo, {.head_s = 0.1, .body_s = 0.1, .idle_s = 0.1});
  RawClient slow_head = world.raw();
  slow_head.send("GET / HTTP/1.1\r\nHost: t\r\nX-");
  EXPECT_THAT(slow_head.read_all(), StartsWith("HTTP/1.1 408 "));
  RawClient slow_body = world.raw();
  slow_body.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhel");
  EXPECT_THAT(slow_body.read_all(), StartsWith("HTTP/1.1 408 "));
  RawClient idle = world.raw();
  idle.send(get("/"));
  EXPECT_THAT(idle.read_reply(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(idle.read_all(), "");
}

TEST(HttpLimits, TooManyRequestsAreToldWhenToComeAgain) {
  const UnixServer world(echo, {.local_requests_per_s = 0.001, .burst_s = 3000});
  RawClient client = world.raw();
  for (int i = 0; i < 3; ++i) {
    client.send(get("/"));
    EXPECT_THAT(client.read_reply(), StartsWith("HTTP/1.1 200 "));
  }
  client.send(get("/"));
  const std::string reply = client.read_reply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 429 "));
  EXPECT_THAT(reply, HasSubstr("Retry-After: "));
  RawClient again = world.raw();
  again.send(get("/"));
  EXPECT_THAT(again.read_reply(), StartsWith("HTTP/1.1 429 ")) << "the peer counts, not the wire";
}

TEST(HttpLimits, ConnectionsBeyondTheLimitWaitTheirTurn) {
  const UnixServer world(echo, {.connections_max = 2});
  RawClient first = world.raw();
  RawClient second = world.raw();
  first.send(get("/"));
  second.send(get("/"));
  first.read_reply();
  second.read_reply();
  RawClient third = world.raw();
  third.send(get("/third"));
  first.close();
  EXPECT_THAT(third.read_reply(), HasSubstr("third"));
}

TEST(HttpLimits, ConnectionsOfOnePeerAreBounded) {
  const UnixServer world(echo, {.connections_per_peer_max = 1});
  RawClient first = world.raw();
  first.send(get("/"));
  first.read_reply();
  RawClient second = world.raw();
  EXPECT_EQ(second.read_all(), "");
}

/// Leaves this process no file descriptor to open.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    const int highest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::close(highest);
    const rlimit none{static_cast<rlim_t>(highest), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST(HttpLimits, ServerWithoutDescriptorsAcceptsAgainLater) {
  const UnixServer world(echo);
  RawClient before = world.raw();
  before.send(get("/"));
  EXPECT_THAT(before.read_reply(), StartsWith("HTTP/1.1 200 "));
  // Connected while the server has descriptors left for nobody: it waits in the queue.
  std::optional<RawClient> waits;
  {
    const int spare = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    const NoDescriptors none;
    ::close(spare);
    waits.emplace(world.raw());
    waits->send(get("/waited"));
    before.send(get("/"));
    EXPECT_THAT(before.read_reply(), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_THAT(waits->read_reply(), HasSubstr("waited"));
}

TEST(RateLimiter, FillsWithTime) {
  RateLimiter limiter(2);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(limiter.take("a", 10, 100), 0);
  EXPECT_DOUBLE_EQ(limiter.take("a", 10, 100), 0.1);
  EXPECT_EQ(limiter.take("b", 10, 100), 0);
  EXPECT_EQ(limiter.take("a", 10, 100.1001), 0);
  EXPECT_GT(limiter.take("a", 10, 100.1001), 0);
}

TEST(RateLimiter, ForgetsPeersThatAreQuiet) {
  RateLimiter limiter(1);
  for (int i = 0; i < 30'000; ++i) limiter.take(std::to_string(i), 10, i);
  EXPECT_LE(limiter.size(), 10'000U);
}

}  // namespace
}  // namespace sovren::api
