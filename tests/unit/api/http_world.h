// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "scheduler/api/http_client.h"
#include "scheduler/api/http_server.h"

namespace sovren::api {

/// A folder of this test's own, gone at its end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder() { std::filesystem::remove_all(path_); }
  std::string at(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

/// Self-signed for localhost and 127.0.0.1, with its key: at("cert.pem"), at("key.pem").
void make_certificate(const TestFolder& folder, const std::string& name = "cert.pem",
                      const std::string& key_name = "key.pem");

/// A client that sends what it is told, byte by byte. Every wait ends the test after a minute.
class RawClient {
 public:
  /// Connects to a Unix socket.
  explicit RawClient(const std::string& path);
  RawClient(RawClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  RawClient& operator=(RawClient&&) = delete;
  ~RawClient() { close(); }

  bool is_connected() const { return fd_ >= 0; }
  void send(const std::string& bytes);
  /// As send, but the other side may have gone; what it took.
  std::size_t try_send(const std::string& bytes);
  void shut_write();
  void close();
  /// The bytes up to and with `end`; less when the other side closes.
  std::string read_until(const std::string& end);
  /// All that comes until the other side closes.
  std::string read_all() { return read_until(""); }
  /// One answer with a Content-Length: head and body.
  std::string read_reply();

 private:
  int fd_ = -1;
  std::string received_;
};

/// "GET TARGET" with the headers that HTTP/1.1 asks for.
std::string get(const std::string& target, const std::string& more_headers = "");
std::string post(const std::string& target, const std::string& body);

/// A server on a Unix socket in a folder of its own.
class UnixServer {
 public:
  explicit UnixServer(Handler handler, Limits limits = {});
  std::string path() const { return folder_.at("s"); }
  RawClient raw() const { return RawClient(path()); }
  std::unique_ptr<HttpClient> client() const;
  HttpServer& server() { return *server_; }
  const TestFolder& folder() const { return folder_; }

 private:
  TestFolder folder_;
  std::unique_ptr<HttpServer> server_;
};

/// Answers with method, path, query, one header, body and identity, in words.
void echo(Request request, const Responder& responder);

}  // namespace sovren::api
