// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "core/text/json.h"
#include "scheduler/api/api.h"
#include "storage/log/memory_log.h"
#include "tests/unit/api/http_world.h"

namespace sovren::api {

/// A log that can be told to refuse what comes.
class RefusingLog : public storage::MemoryEventLog {
 public:
  std::atomic<bool> is_full = false;
  using EventLog::append;
  Result<void> append(std::span<Event> events, std::span<const JobRecord> ended) override;
};

/// A clock that stands.
class StandingClock : public Clock {
 public:
  Instant now() override { return {1'800'000'000'000}; }
};

struct Answer {
  int status = 0;
  text::Json json;
};

/// A whole scheduler but for its agents and its disk, behind a Unix socket. Its node n1 has 4 cores
/// and an agent that is played by the test.
class ApiWorld {
 public:
  /// past: jobs that the state has forgotten.
  explicit ApiWorld(const std::vector<JobRecord>& past = {});
  ~ApiWorld();

  /// user: a token of that user is sent, with all scopes but `operate` and `node`; empty: this
  /// process' user, who is an operator.
  Answer call(const std::string& method, const std::string& target, const std::string& body = "",
              const std::string& user = "", const HttpHeaders& headers = {});
  Answer get(const std::string& target, const std::string& user = "") {
    return call("GET", target, "", user);
  }
  Answer post(const std::string& target, const std::string& body = "",
              const std::string& user = "") {
    return call("POST", target, body, user);
  }
  /// Submits `true`, with more members of the body; its id.
  std::int64_t submit(const text::Json& members = text::Json::object(),
                      const std::string& user = "");

  std::string token(const std::string& user);
  std::unique_ptr<HttpClient> client() const;
  std::unique_ptr<HttpClient> client_of(const std::string& user);

  Api& api() { return *api_; }
  RefusingLog& log() { return log_; }
  /// Folder of the job directories.
  std::string jobs_dir() const { return folder_.at("jobs"); }
  const TestFolder& folder() const { return folder_; }
  void stop();

  /// A job file that runs `true`.
  static std::string job_file(const std::string& more = "");

 private:
  TestFolder folder_;
  RefusingLog log_;
  StandingClock clock_;
  std::unique_ptr<Api> api_;
  std::unique_ptr<engine::EngineHost> host_;
  std::unique_ptr<HttpServer> server_;
  std::map<std::string, std::string> tokens_;
};

}  // namespace sovren::api
