// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/api/http_world.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace sovren::api {
namespace {

constexpr int patience_s = 60;

void add_extension(X509* certificate, int nid, const char* value) {
  X509_EXTENSION* const extension = ::X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
  ::X509_add_ext(certificate, extension, -1);
  ::X509_EXTENSION_free(extension);
}

}  // namespace

TestFolder::TestFolder() {
  static std::atomic<int> count{0};
  path_ = std::filesystem::path(testing::TempDir()) /
          ("sovren_api_" + std::to_string(::getpid()) + "_" + std::to_string(++count));
  std::filesystem::remove_all(path_);
  std::filesystem::create_directories(path_);
}

void TestFolder::write(const std::string& name, const std::string& text) const {
  std::ofstream(at(name)) << text;
}

void make_certificate(const TestFolder& folder, const std::string& name,
                      const std::string& key_name) {
  EVP_PKEY* const key = ::EVP_EC_gen("P-256");
  X509* const certificate = ::X509_new();
  ::X509_set_version(certificate, X509_VERSION_3);
  ::ASN1_INTEGER_set(::X509_get_serialNumber(certificate), 1);
  ::X509_gmtime_adj(::X509_getm_notBefore(certificate), -3600);
  ::X509_gmtime_adj(::X509_getm_notAfter(certificate), 86400);
  ::X509_set_pubkey(certificate, key);
  X509_NAME* const subject = ::X509_get_subject_name(certificate);
  ::X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  ::X509_set_issuer_name(certificate, subject);
  add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  ::X509_sign(certificate, key, ::EVP_sha256());
  const std::unique_ptr<FILE, int (*)(FILE*)> out(std::fopen(folder.at(name).c_str(), "w"),
                                                  &std::fclose);
  ::PEM_write_X509(out.get(), certificate);
  const std::unique_ptr<FILE, int (*)(FILE*)> key_out(std::fopen(folder.at(key_name).c_str(), "w"),
                                                      &std::fclose);
  ::PEM_write_PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  ::X509_free(certificate);
  ::EVP_PKEY_free(key);
}

RawClient::RawClient(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{patience_s, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) close();
}

std::size_t RawClient::try_send(const std::string& bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    const ssize_t n = ::send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

void RawClient::send(const std::string& bytes) {
  ASSERT_EQ(try_send(bytes), bytes.size()) << std::strerror(errno);
}

void RawClient::shut_write() {
  ::shutdown(fd_, SHUT_WR);
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string RawClient::read_until(const std::string& end) {
  for (;;) {
    const std::size_t at = end.empty() ? std::string::npos : received_.find(end);
    if (at != std::string::npos) {
      std::string found = received_.substr(0, at + end.size());
      received_.erase(0, found.size());
      return found;
    }
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
      ADD_FAILURE() << "nothing came for a minute after: " << received_;
    if (n <= 0) return std::exchange(received_, {});
    received_.append(buffer, static_cast<std::size_t>(n));
  }
}

std::string RawClient::read_reply() {
  std::string reply = read_until("\r\n\r\n");
  const std::size_t at = reply.find("Content-Length: ");
  std::size_t left = at == std::string::npos ? 0 : std::stoul(reply.substr(at + 16));
  while (left > 0) {
    const std::string part = received_.substr(0, left);
    received_.erase(0, part.size());
    reply += part;
    left -= part.size();
    if (left == 0) break;
    char buffer[65536];
    const ssize_t n = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0) break;
    received_.append(buffer, static_cast<std::size_t>(n));
  }
  return reply;
}

std::string get(const std::string& target, const std::string& more_headers) {
  return "GET " + target + " HTTP/1.1\r\nHost: test\r\n" + more_headers + "\r\n";
}

std::string post(const std::string& target, const std::string& body) {
  return "POST " + target +
         " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

UnixServer::UnixServer(Handler handler, Limits limits) {
  auto started = HttpServer::start({.unix_socket = UnixListener{.path = path()}, .limits = limits},
                                   std::move(handler));
  if (!started) throw std::runtime_error(to_text(started.error()));
  server_ = std::move(*started);
}

std::unique_ptr<HttpClient> UnixServer::client() const {
  auto client = HttpClient::create({.address = path()});
  if (!client) throw std::runtime_error(to_text(client.error()));
  return std::move(*client);
}

void echo(Request request, const Responder& responder) {
  std::string text = request.method;
  for (const std::string& segment : request.target.segments) text += " [" + segment + "]";
  for (const auto& [name, value] : request.target.query) text += " " + name + "=" + value;
  if (const auto value = request.header("x-note"); !value.empty())
    text.append(" note:").append(value);
  text += " body:" + request.body;
  if (request.identity.peer) text += " uid:" + std::to_string(request.identity.peer->uid);
  if (!request.identity.bearer.empty()) text += " bearer:" + request.identity.bearer;
  responder.send({.body = text, .content_type = "text/plain"});
}

}  // namespace sovren::api
