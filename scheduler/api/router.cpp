// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/router.h"

#include "scheduler/api/problem.h"

namespace sovren::api {
namespace {

/// The parameters, if the pattern's segments are those of the path.
std::optional<std::vector<std::string>> match(std::string_view pattern,
                                              const std::vector<std::string>& segments) {
  std::vector<std::string> parameters;
  std::size_t next = 0;
  while (pattern.size() > 1) {
    pattern.remove_prefix(1);
    const std::string_view part = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(part.size());
    if (next >= segments.size()) return std::nullopt;
    if (part.front() == '{')
      parameters.push_back(segments[next]);
    else if (part != segments[next])
      return std::nullopt;
    ++next;
  }
  if (next != segments.size()) return std::nullopt;
  return parameters;
}

Response unauthorized(const Error& error) {
  Response response = problem_of(error, 401);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

}  // namespace

void answer(const Responder& responder, const Error& error) {
  responder.send(problem_of(error));
}

void Router::handle(Request request, Responder responder) {
  std::string allowed;
  for (const Route& route : routes_) {
    auto parameters = match(route.pattern, request.target.segments);
    if (!parameters) continue;
    if (route.method != request.method) {
      allowed.append(allowed.empty() ? "" : ", ").append(route.method);
      continue;
    }
    Caller caller;
    if (route.scope) {
      auto identified = access_.identify(request.identity);
      if (!identified) return responder.send(unauthorized(identified.error()));
      caller = *std::move(identified);
      if (!caller.may(*route.scope))
        return answer(responder,
                      forbidden("user '" + caller.user + "' may not do this: it takes the scope '" +
                                    std::string(name(*route.scope)) + "'",
                                "ask an operator of this scheduler"));
    }
    return route.carry_out(
        {std::move(request), *std::move(parameters), std::move(caller), std::move(responder)});
  }
  if (allowed.empty())
    return responder.send(problem_of({.code = Code::not_found,
                                      .what = "there is nothing at " + request.target.path,
                                      .hint = "docs/api.md has all paths"}));
  Response response =
      problem_of({.code = Code::usage, .what = request.method + " is not for this path"}, 405);
  response.headers.emplace_back("Allow", allowed);
  responder.send(std::move(response));
}

}  // namespace sovren::api
