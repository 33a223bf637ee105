// SPDX-License-Identifier: Apache-2.0
#include "cli/client.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

#include "cli/job_directory.h"
#include "scheduler/api/problem.h"
#include "scheduler/api/query.h"
#include "storage/file/file.h"

namespace sovren::cli {
namespace {

constexpr double patience_s = 60;        // for a scheduler that has answered before
constexpr std::int64_t page_max = 1000;  // rows that the API gives at once
constexpr std::int64_t token_bytes_max = 4096;
constexpr const char* service_socket = "/run/sovren/sovren.sock";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> default_address() {
  if (auto address = environment("SOVREN_CONNECT"); !address.empty()) return address;
  std::error_code ignored;
  auto home = sovren_home();
  const bool is_own = home && (!environment("SOVREN_HOME").empty() ||
                               std::filesystem::exists(*home + "/sovren.sock", ignored));
  if (!is_own && std::filesystem::exists(service_socket, ignored)) return service_socket;
  if (!home) return fail(std::move(home).error());
  return *home + "/sovren.sock";
}

Result<std::string> find_token() {
  if (auto token = environment("SOVREN_TOKEN"); !token.empty()) return token;
  const std::string file = environment("SOVREN_TOKEN_FILE");
  if (file.empty()) return std::string();
  auto token = storage::read_file(file, token_bytes_max);
  if (!token) return fail(std::move(token).error().within("reading $SOVREN_TOKEN_FILE"));
  return token->substr(0, token->find_first_of(" \t\r\n"));
}

// Names one call of this program, and no other.
std::string random_key() {
  std::random_device source;
  std::string key;
  for (int i = 0; i < 4; ++i) {
    std::array<char, 9> word{};
    std::snprintf(word.data(), word.size(), "%08x", source());
    key += word.data();
  }
  return key;
}

}  // namespace

Result<api::ClientOptions> connection_to(const std::string& address) {
  api::ClientOptions options{.address = address,
                             .ca_file = environment("SOVREN_CA_FILE"),
                             .certificate_file = environment("SOVREN_CERTIFICATE"),
                             .token = ""};
  if (options.address.empty()) {
    SOVREN_TRY(found, default_address());
    options.address = std::move(found);
  }
  SOVREN_TRY(token, find_token());
  options.token = std::move(token);
  return options;
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view plain = "-._~,:";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
        plain.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', digits[byte >> 4U], digits[byte & 15U]};
  }
  return out;
}

std::string target_of(const std::string& path, const Parameters& parameters) {
  std::string target = path;
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    target += target.find('?') == std::string::npos ? '?' : '&';
    target += name + "=" + percent_encoded(value);
  }
  return target;
}

Result<Client> Client::create(const Arguments& arguments) {
  SOVREN_TRY(options, connection_to(arguments.text("connect")));
  SOVREN_TRY(http, api::HttpClient::create(std::move(options)));
  return Client(std::move(http));
}

Result<HttpReply> Client::call(const std::string& method, const std::string& target,
                               const std::string& body, double timeout_s,
                               const HttpHeaders& headers) {
  const bool may_repeat = method == "GET" || !headers.empty();
  double patience = may_repeat && has_answered_ ? patience_s : 0;
  double pause_s = 0.05;
  for (;;) {
    auto reply = http_->call(method, target, body, timeout_s, headers);
    const bool is_away = reply ? reply->status == 503 : reply.error().code == Code::unreachable;
    if (!is_away) has_answered_ = true;
    if (!is_away || patience <= 0) return reply;
    std::this_thread::sleep_for(std::chrono::duration<double>(pause_s));
    patience -= pause_s;
    pause_s = std::min(1.0, 2 * pause_s);
  }
}

Result<std::string> Client::get_text(const std::string& target) {
  SOVREN_TRY(reply, call("GET", target, "", 30, {}));
  if (reply.status >= 400) return fail(api::error_of(reply));
  return std::move(reply.body);
}

Result<text::Json> Client::get(const std::string& target, double timeout_s) {
  SOVREN_TRY(reply, call("GET", target, "", timeout_s, {}));
  if (reply.status >= 400) return fail(api::error_of(reply));
  return text::parse_json(reply.body, "answer");
}

Result<text::Json> Client::post(const std::string& target) {
  SOVREN_TRY(reply, call("POST", target, "", 30, {}));
  if (reply.status >= 400) return fail(api::error_of(reply));
  return text::parse_json(reply.body, "answer");
}

tl::expected<text::Json, text::Errors> Client::post_once(const std::string& target,
                                                         const text::Json& body) {
  const auto one = [](Error error) { return tl::unexpected(text::Errors{std::move(error)}); };
  // From now on an answer that does not come is one that got lost.
  if (auto health = get("/healthz"); !health) return one(std::move(health).error());
  auto reply = call("POST", target, text::dump_json(body), 60,
                    {{"Content-Type", "application/json"}, {"Idempotency-Key", random_key()}});
  if (!reply) return one(std::move(reply).error());
  if (reply->status >= 400) return tl::unexpected(api::errors_of(*reply));
  auto json = text::parse_json(reply->body, "answer");
  if (!json) return one(std::move(json).error());
  return *std::move(json);
}

Result<text::Json> Client::list(const std::string& path, Parameters parameters,
                                const std::string& member, std::int64_t limit) {
  text::Json whole;
  for (;;) {
    const std::int64_t have = whole.is_null() ? 0 : static_cast<std::int64_t>(whole[member].size());
    const std::int64_t wanted = limit == 0 ? page_max : std::min(page_max, limit - have);
    Parameters asked = parameters;
    asked.emplace_back("limit", std::to_string(wanted));
    SOVREN_TRY(page, get(target_of(path, asked)));
    SOVREN_TRY(rows, text::get_member(page, member));
    if (!rows->is_array())
      return fail(
          {.code = Code::data_invalid, .what = "the answer's '" + member + "' is no array"});
    const text::Json next = page.value("next", text::Json());
    if (whole.is_null()) {
      whole = page;
      whole.erase("next");
    } else {
      whole[member].insert(whole[member].end(), rows->begin(), rows->end());
    }
    const auto count = static_cast<std::int64_t>(whole[member].size());
    if (!next.is_number_integer() || (limit != 0 && count >= limit)) return whole;
    std::erase_if(parameters, [&](const auto& each) { return each.first == "after"; });
    parameters.emplace_back("after", std::to_string(next.get<std::int64_t>()));
  }
}

Result<api::EventReader> Client::events(const std::string& path, const std::string& last_id) {
  auto reader = http_->events(target_of(path, {{"after", last_id}}));
  if (reader) has_answered_ = true;
  return reader;
}

Result<text::Json> jobs_by_state(Client& client, const Parameters& parameters, std::int64_t limit) {
  constexpr std::pair<const char*, const char*> groups[] = {
      {"RUNNING,SUSPENDED,COMPLETING", "oldest"}, {"PENDING", "oldest"}, {"final", "newest"}};
  text::Json jobs = text::Json::array();
  std::set<std::string> arrays;
  for (const auto& [state, order] : groups) {
    const std::int64_t left = limit - static_cast<std::int64_t>(jobs.size());
    if (left <= 0) break;
    Parameters asked = parameters;
    asked.insert(asked.end(), {{"state", state}, {"order", order}});
    SOVREN_TRY(page, client.list("/v1/jobs", std::move(asked), "jobs", left));
    for (text::Json& job : page["jobs"]) {
      // A folded array stands for its elements in all states: the first time is enough.
      const bool is_repeat =
          job.contains("array") && !arrays.insert(job["array_job"].dump()).second;
      if (!is_repeat) jobs.push_back(std::move(job));
    }
  }
  return text::Json{{"schema", "sovren.jobs/1"}, {"jobs", jobs}};
}

Result<std::string> job_operand(const std::string& word) {
  SOVREN_DO(api::parse_job_id(word));
  return word;
}

Result<bool> is_array(Client& client, const std::string& job) {
  if (job.find('_') != std::string::npos) return false;
  SOVREN_TRY(answer, client.get("/v1/jobs/" + job));
  return answer.contains(text::Json::json_pointer("/job/array_job")) &&
         answer["job"]["array_job"].dump() == job;
}

Result<std::vector<std::string>> jobs_of(Client& client, const std::string& job) {
  SOVREN_TRY(is_first, is_array(client, job));
  if (!is_first) return std::vector{job};
  SOVREN_TRY(elements, client.list("/v1/jobs", {{"array", job}}, "jobs", 0));
  std::vector<std::string> jobs;
  for (const text::Json& element : elements["jobs"]) {
    SOVREN_TRY(id, text::get_int(element, "id"));
    jobs.push_back(std::to_string(id));
  }
  return jobs;
}

}  // namespace sovren::cli
