// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/port/transport.h"

namespace sovren::api {

/// The process at the other end of a Unix socket, as the kernel knows it.
struct Peer {
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int32_t pid = 0;
};

/// Who sent a request. Over the Unix socket the kernel says so; over TLS a bearer token does, which
/// nobody has looked at yet.
struct Identity {
  std::optional<Peer> peer;
  std::string address;  ///< "192.0.2.7" over TLS, empty over the Unix socket
  std::string bearer;   ///< text of the token; may be empty
};

/// A target of origin form: "/v1/jobs/12?wait=30".
struct Target {
  std::string path;                   ///< as sent: "/v1/jobs/12"
  std::vector<std::string> segments;  ///< percent-decoded: "v1", "jobs", "12"
  HttpHeaders query;                  ///< percent-decoded, in order

  /// The first value of this name; nullptr if it is not there.
  const std::string* find(std::string_view name) const;
};

/// Errors: usage for another form, a wrong percent code, a control character, or bytes that are
/// not UTF-8.
Result<Target> parse_target(std::string_view text);

struct Request {
  std::string method;  ///< "GET"; a HEAD arrives as GET
  Target target;
  HttpHeaders headers;  ///< names in lower case, without Authorization
  std::string body;
  Identity identity;

  /// The first value of this (lower-case) name; empty if it is not there.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  HttpHeaders headers = {};
};

/// "Not Found"; "Error" for a status that the API never sends.
std::string_view reason_phrase(int status);

}  // namespace sovren::api
