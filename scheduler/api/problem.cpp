// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/problem.h"

#include <utility>

#include "core/text/json.h"

namespace sovren::api {
namespace {

using text::Json;

constexpr std::string_view access_denied = "access";

Json problem_json(const Error& error, int status) {
  Json problem = {{"type", "about:blank"},
                  {"title", reason_phrase(status)},
                  {"status", status},
                  {"detail", error.what}};
  Json members = text::error_to_json(error);
  members.erase("what");
  problem.update(members);
  return problem;
}

Response response_of(const Json& problem, int status) {
  return {.status = status,
          .body = text::dump_json(problem) + "\n",
          .content_type = "application/problem+json"};
}

}  // namespace

Error forbidden(std::string what, std::string hint) {
  return {.code = Code::refused,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = std::string(access_denied)};
}

int status_of(const Error& error) {
  switch (error.code) {
    case Code::usage:
    case Code::data_invalid:
      return 400;
    case Code::spec_invalid:
    case Code::input_missing:
      return 422;
    case Code::not_found:
      return 404;
    case Code::refused:
      return error.where == access_denied ? 403 : 409;
    case Code::fenced:
    case Code::mismatch:
      return 409;
    case Code::storage_io:
      return 507;
    case Code::storage_corrupt:
    case Code::storage_busy:
    case Code::unreachable:
    case Code::peer_lost:
    case Code::device:
    case Code::interrupted:
    case Code::command_failed:
    case Code::out_of_memory:
      return 503;
    case Code::timed_out:
      return 504;
    case Code::bug:
      return 500;
  }
  return 500;
}

Response problem_of(const Error& error) {
  return problem_of(error, status_of(error));
}

Response problem_of(const Error& error, int status) {
  return response_of(problem_json(error, status), status);
}

Response problem_of(std::span<const Error> errors) {
  const int status = status_of(errors.front());
  Json problem = problem_json(errors.front(), status);
  if (errors.size() > 1)
    for (const Error& error : errors) problem["errors"].push_back(text::error_to_json(error));
  return response_of(problem, status);
}

Error error_of(const HttpReply& reply) {
  auto parsed = text::parse_json(reply.body, "answer");
  if (parsed && parsed->is_object() && parsed->contains("detail")) {
    text::Json members = *parsed;
    members["what"] = members["detail"];
    if (auto error = text::error_from_json(members)) return *std::move(error);
  }
  return {.code = Code::unreachable,
          .what = "the answer has status " + std::to_string(reply.status) +
                  " and is not the scheduler's",
          .hint = "is there a proxy between this machine and the scheduler?"};
}

std::vector<Error> errors_of(const HttpReply& reply) {
  std::vector<Error> errors;
  const auto parsed = text::parse_json(reply.body, "answer");
  if (parsed && parsed->is_object() && parsed->contains("errors") && (*parsed)["errors"].is_array())
    for (const Json& each : (*parsed)["errors"])
      if (auto error = text::error_from_json(each)) errors.push_back(*std::move(error));
  if (errors.empty()) errors.push_back(error_of(reply));
  return errors;
}

}  // namespace sovren::api
