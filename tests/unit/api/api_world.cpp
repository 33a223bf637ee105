// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/api/api_world.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/text/order_json.h"

namespace sovren::api {

Result<void> RefusingLog::append(std::span<Event> events, std::span<const JobRecord> ended) {
  if (is_full)
    return fail({.code = Code::storage_io, .what = "no space left on device", .where = "log"});
  return MemoryEventLog::append(events, ended);
}

ApiWorld::ApiWorld(const std::vector<JobRecord>& past) {
  EXPECT_TRUE(log_.append({}, past));
  api_ = std::make_unique<Api>(ApiOptions{.token_file = folder_.at("tokens")}, clock_, log_, log_);
  auto host = engine::EngineHost::start(
      log_, clock_,
      {.engine = {.on_restart = engine::OnRestart::readopt, .jobs_dir = jobs_dir()},
       .on_event = [this](const Event& event) { api_->on_event(event); },
       .on_report = [this](const AttemptNews& news) { api_->on_report(news); }});
  if (!host) throw std::runtime_error(to_text(host.error()));
  host_ = std::move(*host);
  api_->attach(*host_);
  auto server = HttpServer::start(
      {.on_tick = [this] { api_->tick(); }, .unix_socket = UnixListener{.path = folder_.at("s")}},
      [this](Request request, Responder responder) {
        api_->handle(std::move(request), std::move(responder));
      });
  if (!server) throw std::runtime_error(to_text(server.error()));
  server_ = std::move(*server);
  const Answer greeted =
      post("/v1/agents/n1",
           text::hello_to_json(
               {.node = "n1", .instance = "i1", .version = "1", .resources = {.cpus = 4}}));
  if (greeted.status != 200) throw std::runtime_error(text::dump_json(greeted.json));
}

ApiWorld::~ApiWorld() {
  stop();
}

void ApiWorld::stop() {
  if (host_) host_->stop();
  server_.reset();
}

std::string ApiWorld::token(const std::string& user) {
  std::string& known = tokens_[user];
  if (known.empty())
    known = *TokenFile::create(folder_.at("tokens"),
                               {.name = user, .user = user, .scopes = {Scope::read, Scope::submit}},
                               std::nullopt);
  return known;
}

std::unique_ptr<HttpClient> ApiWorld::client() const {
  return std::move(*HttpClient::create({.address = folder_.at("s")}));
}

std::unique_ptr<HttpClient> ApiWorld::client_of(const std::string& user) {
  return std::move(*HttpClient::create({.address = folder_.at("s"), .token = token(user)}));
}

Answer ApiWorld::call(const std::string& method, const std::string& target, const std::string& body,
                      const std::string& user, const HttpHeaders& headers) {
  const auto caller = user.empty() ? client() : client_of(user);
  const auto reply = caller->call(method, target, body, 60, headers);
  if (!reply) {
    ADD_FAILURE() << method << " " << target << ": " << to_text(reply.error());
    return {};
  }
  auto json = text::parse_json(reply->body, "answer");
  return {reply->status, json ? *json : text::Json(reply->body)};
}

std::string ApiWorld::job_file(const std::string& more) {
  return "schema = 1\nname = \"quick\"\nkind = \"command\"\n" + more +
         "[command]\nargv = [\"true\"]\n";
}

std::int64_t ApiWorld::submit(const text::Json& members, const std::string& user) {
  text::Json body = {{"text", job_file()}};
  body.update(members);
  const Answer answer = post("/v1/jobs", text::dump_json(body), user);
  EXPECT_EQ(answer.status, 201) << answer.json;
  return answer.status == 201 ? answer.json["jobs"][0].get<std::int64_t>() : 0;
}

}  // namespace sovren::api
