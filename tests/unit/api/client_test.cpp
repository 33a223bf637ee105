// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "scheduler/api/problem.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;

/// A server made by hand: answers the n-th connection with the n-th script, whatever is asked, and
/// closes it. "": closes without an answer.
class ScriptedServer {
 public:
  explicit ScriptedServer(std::vector<std::string> scripts) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    thread_ = std::thread([this, scripts = std::move(scripts)] {
      for (const std::string& script : scripts) answer_one(script);
    });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::string path() const { return folder_.at("s"); }
  int requests() const { return requests_; }

 private:
  void answer_one(const std::string& script) {
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0) return;
    // A script "A|B" answers two requests on one connection.
    for (std::size_t at = 0; at != std::string::npos;) {
      const std::size_t bar = script.find('|', at);
      if (!read_request(fd)) break;
      ++requests_;
      const std::string part = script.substr(at, bar == std::string::npos ? bar : bar - at);
      ::send(fd, part.data(), part.size(), MSG_NOSIGNAL);
      at = bar == std::string::npos ? bar : bar + 1;
    }
    ::close(fd);
  }
  static bool read_request(int fd) {
    std::string request;
    char c = 0;
    while (request.find("\r\n\r\n") == std::string::npos) {
      if (::recv(fd, &c, 1, 0) != 1) return false;
      request += c;
    }
    return true;
  }

  TestFolder folder_;
  int listener_ = -1;
  std::atomic<int> requests_{0};
  std::thread thread_;
};

std::unique_ptr<HttpClient> client_of(const std::string& address) {
  auto client = HttpClient::create({.address = address});
  if (!client) throw std::runtime_error(to_text(client.error()));
  return std::move(*client);
}

const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(HttpClient, SaysThatNobodyListens) {
  const TestFolder folder;
  const auto reply = client_of(folder.at("none"))->call("GET", "/", "", 10);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unreachable);
  EXPECT_THAT(reply.error().hint, HasSubstr("sovren serve"));
  EXPECT_EQ(reply.error().where, folder.at("none"));
  // Port 1 of this machine: nobody serves there, and only root could.
  const auto refused = client_of("https://127.0.0.1:1")->call("GET", "/", "", 10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::unreachable);
}

TEST(HttpClient, RefusesAddressesThatAreNone) {
  for (const char* address :
       {"", "http://localhost", "https://", "https://:80", "https://host:port", "https://a b",
        "https://host/path", "https://[::1"})
    EXPECT_FALSE(HttpClient::create({.address = address})) << address;
  for (const char* address : {"sovren.sock", "https://host", "https://host/", "https://host:1",
                              "https://[::1]", "https://[::1]:8443"})
    EXPECT_TRUE(HttpClient::create({.address = address})) << address;
  EXPECT_FALSE(HttpClient::create({.address = "https://host", .ca_file = "/nonexistent/ca"}));
  EXPECT_FALSE(
      HttpClient::create({.address = "https://host", .certificate_file = "/nonexistent/cert"}));
}

TEST(HttpClient, OpensAnewWhenTheKeptConnectionWasClosed) {
  const ScriptedServer server({ok, ok});
  const auto client = client_of(server.path());
  EXPECT_TRUE(client->call("POST", "/", "x", 60));
  EXPECT_TRUE(client->call("POST", "/", "x", 60));
}

TEST(HttpClient, RepeatsOnceWhatMayBeRepeated) {
  // The kept connection breaks after the second request was sent.
  const ScriptedServer server({ok + "|", ok});
  const auto client = client_of(server.path());
  EXPECT_TRUE(client->call("GET", "/", "", 60));
  const auto again = client->call("GET", "/", "", 60);
  ASSERT_TRUE(again) << to_text(again.error());
  EXPECT_EQ(server.requests(), 3);
}

TEST(HttpClient, NeverRepeatsWhatMayNotBeRepeated) {
  const ScriptedServer server({ok + "|", ok + "|", ok});
  const auto client = client_of(server.path());
  EXPECT_TRUE(client->call("POST", "/", "", 60));
  const auto broken = client->call("POST", "/", "", 60);
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Code::unreachable);
  EXPECT_TRUE(client->call("POST", "/", "", 60));
  EXPECT_TRUE(client->call("POST", "/", "", 60, {{"Idempotency-Key", "1"}}));
}

TEST(HttpClient, NewConnectionThatBreaksIsNotTriedAgain) {
  const ScriptedServer server({""});
  const auto reply = client_of(server.path())->call("GET", "/", "", 60);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unreachable);
}

TEST(HttpClient, KeepsToTheDeadline) {
  std::vector<Responder> kept;
  std::mutex mutex;
  const UnixServer silent([&](Request, const Responder& responder) {
    const std::lock_guard lock(mutex);
    kept.push_back(responder);
  });
  const auto client = silent.client();
  const auto reply = client->call("GET", "/", "", 0.1);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code, Code::unreachable);
  EXPECT_THAT(reply.error().what, HasSubstr("in time"));
}

TEST(HttpClient, AnswersThatAreNoHttpAreErrors) {
  for (const char* script :
       {"nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"}) {
    const ScriptedServer server({script});
    const auto reply = client_of(server.path())->call("GET", "/", "", 60);
    ASSERT_FALSE(reply) << script;
    EXPECT_EQ(reply.error().code, Code::unreachable) << script;
  }
}

TEST(HttpClient, ReadsAnswersWithoutALength) {
  const ScriptedServer server({"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                               "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"});
  const auto client = client_of(server.path());
  const auto first = client->call("GET", "/", "", 60);
  ASSERT_TRUE(first) << to_text(first.error());
  EXPECT_EQ(first->body, "all of it");
  const auto second = client->call("GET", "/", "", 60);
  ASSERT_TRUE(second) << to_text(second.error());
  EXPECT_EQ(second->body, "hello world");
}

TEST(HttpClient, StreamThatIsRefusedIsTheServersError) {
  const UnixServer world([](Request, const Responder& responder) {
    responder.send(problem_of(
        {.code = Code::not_found, .what = "there is no job 7", .hint = "look", .where = "/v1"}));
  });
  const auto reader = world.client()->events("/v1/jobs/7/events");
  ASSERT_FALSE(reader);
  EXPECT_EQ(
      reader.error(),
      (Error{
          .code = Code::not_found, .what = "there is no job 7", .hint = "look", .where = "/v1"}));
}

TEST(HttpClient, StreamThatBreaksOffIsAnError) {
  const ScriptedServer server(
      {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
       "Transfer-Encoding: chunked\r\n\r\n9\r\ndata: x\n\n\r\n"});
  auto reader = client_of(server.path())->events("/");
  ASSERT_TRUE(reader) << to_text(reader.error());
  auto event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->data, "x");
  EXPECT_FALSE(reader->next());
}

}  // namespace
}  // namespace sovren::api
