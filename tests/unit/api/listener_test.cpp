// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "tests/unit/api/http_world.h"

namespace sovren::api {
namespace {

using testing::HasSubstr;

Result<std::unique_ptr<HttpServer>> serve(const std::string& path, unsigned mode = 0600) {
  return HttpServer::start({.unix_socket = UnixListener{.path = path, .mode = mode}}, echo);
}

TEST(UnixSocket, HasTheModeAskedFor) {
  const TestFolder folder;
  for (const unsigned mode : {0600U, 0666U}) {
    const auto server = serve(folder.at("s"), mode);
    ASSERT_TRUE(server) << to_text(server.error());
    struct stat status {};
    ASSERT_EQ(::stat(folder.at("s").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777U, mode);
  }
  EXPECT_FALSE(std::filesystem::exists(folder.at("s")));
}

TEST(UnixSocket, OfADeadProcessIsReplaced) {
  const TestFolder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, folder.at("s").c_str());
    const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
    ::listen(fd, 1);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(std::filesystem::exists(folder.at("s")));
  const auto server = serve(folder.at("s"));
  ASSERT_TRUE(server) << to_text(server.error());
  RawClient client(folder.at("s"));
  client.send(get("/"));
  EXPECT_THAT(client.read_reply(), HasSubstr("200 OK"));
}

TEST(UnixSocket, OfALivingServerIsLeftAlone) {
  const TestFolder folder;
  const auto first = serve(folder.at("s"));
  ASSERT_TRUE(first) << to_text(first.error());
  const auto second = serve(folder.at("s"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::storage_busy);
  EXPECT_THAT(second.error().what, HasSubstr("another scheduler"));
  RawClient client(folder.at("s"));
  client.send(get("/"));
  EXPECT_THAT(client.read_reply(), HasSubstr("200 OK"));
}

TEST(UnixSocket, FileInItsPlaceIsLeftAlone) {
  const TestFolder folder;
  folder.write("s", "precious");
  const auto server = serve(folder.at("s"));
  ASSERT_FALSE(server);
  EXPECT_EQ(server.error().code, Code::usage);
  EXPECT_EQ(std::filesystem::file_size(folder.at("s")), 8U);
}

TEST(UnixSocket, PathTooLongOrInNoFolderIsExplained) {
  const TestFolder folder;
  const auto too_long = serve(folder.at(std::string(108, 'x')));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, Code::usage);
  EXPECT_THAT(too_long.error().what, HasSubstr("107 bytes"));
  const auto no_folder = serve(folder.at("no/s"));
  ASSERT_FALSE(no_folder);
  EXPECT_EQ(no_folder.error().code, Code::storage_io);
  EXPECT_THAT(no_folder.error().hint, HasSubstr("folder"));
}

/// A TLS server with a certificate of its own.
class TlsTest : public testing::Test {
 protected:
  void SetUp() override {
    make_certificate(folder_);
    auto started = HttpServer::start({.tls = listener()}, echo);
    ASSERT_TRUE(started) << to_text(started.error());
    server_ = std::move(*started);
  }
  TlsListener listener(std::uint16_t port = 0) const {
    return {.port = port,
            .certificate_file = folder_.at("cert.pem"),
            .key_file = folder_.at("key.pem")};
  }
  std::string url(const std::string& host = "localhost") const {
    return "https://" + host + ":" + std::to_string(server_->port());
  }
  Result<HttpReply> call(ClientOptions options) const {
    auto client = HttpClient::create(std::move(options));
    if (!client) return fail(client.error());
    return (*client)->call("GET", "/x", "", 60);
  }

  TestFolder folder_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(TlsTest, ClientThatTrustsTheAuthorityIsAnswered) {
  for (const char* host : {"localhost", "127.0.0.1"}) {
    const auto reply =
        call({.address = url(host), .ca_file = folder_.at("cert.pem"), .token = "sovren_secret"});
    ASSERT_TRUE(reply) << to_text(reply.error());
    EXPECT_EQ(reply->body, "GET [x] body: bearer:sovren_secret");
  }
}

TEST_F(TlsTest, KeptConnectionCarriesManyCalls) {
  auto client = HttpClient::create({.address = url(), .ca_file = folder_.at("cert.pem")});
  ASSERT_TRUE(client) << to_text(client.error());
  for (int i = 0; i < 20; ++i) {
    const auto reply = (*client)->call("POST", "/", std::string(100'000, 'x'), 60);
    ASSERT_TRUE(reply) << to_text(reply.error());
    EXPECT_GT(reply->body.size(), 100'000U);
  }
}

TEST_F(TlsTest, PinnedCertificateIsBelievedByAnyNameAndNoOther) {
  const auto right =
      call({.address = url("127.0.0.1"), .certificate_file = folder_.at("cert.pem")});
  ASSERT_TRUE(right) << to_text(right.error());
  make_certificate(folder_, "other.pem", "other_key.pem");
  const auto wrong = call({.address = url(), .certificate_file = folder_.at("other.pem")});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Code::unreachable);
  EXPECT_THAT(wrong.error().what, HasSubstr("another certificate"));
}

TEST_F(TlsTest, UnknownAuthorityIsRefusedByTheClient) {
  make_certificate(folder_, "other.pem", "other_key.pem");
  for (const std::string& ca : {folder_.at("other.pem"), std::string()}) {
    const auto reply = call({.address = url(), .ca_file = ca});
    ASSERT_FALSE(reply);
    EXPECT_EQ(reply.error().code, Code::unreachable);
    EXPECT_THAT(reply.error().what, HasSubstr("no TLS connection"));
  }
}

TEST_F(TlsTest, CarriesEventStreams) {
  auto with_events =
      HttpServer::start({.tls = listener()}, [](Request, const Responder& responder) {
        auto stream = responder.open_stream();
        stream->send("1", "job", "x");
        stream->close();
      });
  ASSERT_TRUE(with_events);
  auto client =
      HttpClient::create({.address = "https://localhost:" + std::to_string((*with_events)->port()),
                          .ca_file = folder_.at("cert.pem")});
  ASSERT_TRUE(client);
  auto reader = (*client)->events("/events");
  ASSERT_TRUE(reader) << to_text(reader.error());
  auto event = reader->next();
  ASSERT_TRUE(event && *event);
  EXPECT_EQ((*event)->id, "1");
  event = reader->next();
  ASSERT_TRUE(event) << to_text(event.error());
  EXPECT_FALSE(*event);
}

/// A handshake that offers one version at most; true if the server took it.
bool shakes_hands(std::uint16_t port, int version_max) {
  SSL_CTX* const context = ::SSL_CTX_new(::TLS_client_method());
  ::SSL_CTX_set_max_proto_version(context, version_max);
  BIO* const bio = ::BIO_new_ssl_connect(context);
  ::BIO_set_conn_hostname(bio, ("127.0.0.1:" + std::to_string(port)).c_str());
  const bool is_done = ::BIO_do_connect(bio) == 1 && ::BIO_do_handshake(bio) == 1;
  ::BIO_free_all(bio);
  ::SSL_CTX_free(context);
  return is_done;
}

TEST_F(TlsTest, OlderVersionsAreRefused) {
  EXPECT_FALSE(shakes_hands(server_->port(), TLS1_2_VERSION));
  EXPECT_TRUE(shakes_hands(server_->port(), TLS1_3_VERSION));
}

TEST_F(TlsTest, PortInUseIsExplained) {
  const auto second = HttpServer::start({.tls = listener(server_->port())}, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::storage_busy);
  EXPECT_THAT(second.error().where, HasSubstr(std::to_string(server_->port())));
  const auto third = HttpServer::start(
      {.unix_socket = UnixListener{.path = folder_.at("s")}, .tls = listener(server_->port())},
      echo);
  EXPECT_FALSE(third);
  EXPECT_FALSE(std::filesystem::exists(folder_.at("s"))) << "nothing is left of a failed start";
}

TEST_F(TlsTest, WrongCertificatesAndKeysAreExplained) {
  make_certificate(folder_, "other.pem", "other_key.pem");
  folder_.write("nonsense", "nonsense");
  const auto code_with = [&](const std::string& certificate, const std::string& key) {
    TlsListener wrong = listener();
    wrong.certificate_file = folder_.at(certificate);
    wrong.key_file = folder_.at(key);
    const auto server = HttpServer::start({.tls = wrong}, echo);
    return server ? Code::bug : server.error().code;
  };
  EXPECT_EQ(code_with("missing", "key.pem"), Code::input_missing);
  EXPECT_EQ(code_with("cert.pem", "missing"), Code::input_missing);
  EXPECT_EQ(code_with("nonsense", "key.pem"), Code::spec_invalid);
  EXPECT_EQ(code_with("cert.pem", "nonsense"), Code::spec_invalid);
  EXPECT_EQ(code_with("cert.pem", "other_key.pem"), Code::spec_invalid);
  const auto address =
      HttpServer::start({.tls = TlsListener{.address = "localhost",
                                            .certificate_file = folder_.at("cert.pem"),
                                            .key_file = folder_.at("key.pem")}},
                        echo);
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().code, Code::usage);
}

}  // namespace
}  // namespace sovren::api
