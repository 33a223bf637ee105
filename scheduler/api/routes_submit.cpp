// SPDX-License-Identifier: Apache-2.0
// POST /v1/jobs.
#include <algorithm>
#include <memory>
#include <numeric>

#include "core/text/digest.h"
#include "core/text/json.h"
#include "scheduler/api/api.h"
#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

using engine::Engine;
using text::Json;

constexpr std::size_t key_bytes_max = 200;
constexpr std::int64_t cached_elements_max = 1000;  // of an array: a spec with more is large

Result<std::string> key_of(const Call& call) {
  const std::string_view key = call.request.header("idempotency-key");
  if (key.empty()) return std::string();
  const bool is_plain = std::ranges::all_of(key, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!is_plain || key.size() > key_bytes_max)
    return fail({.code = Code::usage,
                 .what = "the Idempotency-Key has not 1 to 200 plain characters",
                 .hint = "a random UUID will do",
                 .where = "header Idempotency-Key"});
  return std::string(key);
}

Response submitted(const engine::Queued& queued, const SubmitBody& body) {
  Json jobs = Json::array();
  for (std::int64_t i = 0; i < queued.jobs; ++i) jobs.push_back(queued.first.value + i);
  const Json answer = {{"schema", "sovren.submitted/1"},
                       {"jobs", std::move(jobs)},
                       {"is_repeat", queued.is_repeat},
                       {"is_dry_run", false},
                       {"warnings", body.warnings}};
  Response response{.status = queued.is_repeat ? 200 : 201, .body = text::dump_json(answer) + "\n"};
  response.headers.emplace_back("Location", "/v1/jobs/" + std::to_string(queued.first.value));
  return response;
}

Response would_be_submitted(const SubmitBody& body) {
  const Json answer = {{"schema", "sovren.submitted/1"},
                       {"jobs", Json::array()},
                       {"count", text::array_size(*body.spec)},
                       {"is_repeat", false},
                       {"is_dry_run", true},
                       {"warnings", body.warnings}};
  return {.body = text::dump_json(answer) + "\n"};
}

}  // namespace

Result<void> Api::submit(Call& call) {
  SOVREN_DO(Query(call.request.target).finish());
  SOVREN_TRY(key, key_of(call));
  const std::string digest =
      text::sha256_hex(std::string(call.request.header("content-type")) + "\n" + call.request.body);
  if (auto known = bodies_.find(digest))
    return queue(call.responder, call.caller.user, std::move(known), std::move(key), digest);
  // Reading a job file takes longer than the network thread may be held up.
  return worker_.post([this, request = std::move(call.request), responder = call.responder,
                       user = call.caller.user, key = std::move(key), digest] {
    auto body = parse_submit(request);
    if (!body) return responder.send(problem_of(body.error()));
    const auto shared = std::make_shared<const SubmitBody>(*std::move(body));
    if (text::array_size(*shared->spec) <= cached_elements_max) bodies_.add(digest, shared);
    if (auto queued = queue(responder, user, shared, key, digest); !queued)
      answer(responder, queued.error());
  });
}

Result<void> Api::queue(const Responder& responder, const std::string& user,
                        std::shared_ptr<const SubmitBody> body, std::string key,
                        const std::string& digest) {
  if (body->is_dry_run)
    return look(responder, [body, user](const Engine& engine) -> Result<Words> {
      SOVREN_DO(policy::can_ever_run(*body->spec, engine.state(), engine.config().policy, user));
      return [body] { return would_be_submitted(*body); };
    });
  auto queued = std::make_shared<engine::Queued>();
  return host_->write(
      [=](Engine& engine) -> Result<void> {
        SOVREN_TRY(made, engine.queue({.user = user,
                                       .spec = body->spec,
                                       .is_held = body->is_held,
                                       .key = key,
                                       .digest = key.empty() ? "" : digest}));
        *queued = made;
        return {};
      },
      [responder, queued, body](const Result<void>& done) {
        if (done)
          responder.send(submitted(*queued, *body));
        else
          answer(responder, done.error());
      });
}

}  // namespace sovren::api
