// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "core/base/result.h"
#include "core/text/job_file.h"
#include "core/text/json.h"
#include "scheduler/api/http_client.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

/// How to reach a scheduler: `address`, else $SOVREN_CONNECT, else the socket in the state
/// directory, else the one of this host's service. The token is $SOVREN_TOKEN, else what the file
/// $SOVREN_TOKEN_FILE holds; $SOVREN_CERTIFICATE and $SOVREN_CA_FILE name PEM files.
Result<api::ClientOptions> connection_to(const std::string& address);

/// Fit for one segment of a path, or a value of a query.
std::string percent_encoded(std::string_view text);

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// path?name=value&..., percent-encoded; empty values are left out.
std::string target_of(const std::string& path, const Parameters& parameters);

/// The scheduler, as the client commands talk to it.
///
/// Model    Once it has answered, a scheduler that goes away is waited for: it is being restarted.
///          What may not be said twice is not said again.
/// Errors   unreachable; and what the scheduler answers.
class Client {
 public:
  /// Of the option --connect.
  static Result<Client> create(const Arguments& arguments);

  Result<text::Json> get(const std::string& target, double timeout_s = 30);
  Result<std::string> get_text(const std::string& target);
  Result<text::Json> post(const std::string& target);
  /// With an Idempotency-Key, so that it is carried out once though an answer may get lost.
  tl::expected<text::Json, text::Errors> post_once(const std::string& target,
                                                   const text::Json& body);
  /// All pages of a listing, as one document; at most `limit` rows, 0: all.
  Result<text::Json> list(const std::string& path, Parameters parameters, const std::string& member,
                          std::int64_t limit);
  Result<api::EventReader> events(const std::string& path, const std::string& last_id);

 private:
  explicit Client(std::unique_ptr<api::HttpClient> http) : http_(std::move(http)) {}
  Result<HttpReply> call(const std::string& method, const std::string& target,
                         const std::string& body, double timeout_s, const HttpHeaders& headers);

  std::unique_ptr<api::HttpClient> http_;
  bool has_answered_ = false;
};

/// At most `limit` jobs, what matters most first: running, waiting in order, then the newest that
/// have ended.
Result<text::Json> jobs_by_state(Client& client, const Parameters& parameters, std::int64_t limit);

/// An id as a user types it: 12, or 12_5 for an element of array 12.
Result<std::string> job_operand(const std::string& word);

/// Is this the first job of an array, and stands for all its elements? 12_0 stands for itself.
Result<bool> is_array(Client& client, const std::string& job);
/// The job, or all elements of the array.
Result<std::vector<std::string>> jobs_of(Client& client, const std::string& job);

}  // namespace sovren::cli
