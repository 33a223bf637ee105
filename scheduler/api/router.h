// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scheduler/api/access.h"
#include "scheduler/api/http_server.h"

namespace sovren::api {

/// A request that may be carried out.
struct Call {
  Request request;
  std::vector<std::string> parameters;  ///< what the {} of the route's pattern stand for
  Caller caller;                        ///< of a public route: nobody
  Responder responder;
};

/// One line of the API. docs/openapi.json has the same lines.
struct Route {
  std::string_view method;
  std::string_view pattern;    ///< "/v1/jobs/{id}/cancel"
  std::optional<Scope> scope;  ///< what a caller must be allowed; none: anybody, unknown too
  std::function<void(Call)> carry_out;
};

/// Finds the route of a request, and refuses what has none or may not be.
class Router {
 public:
  Router(std::vector<Route> routes, Access access)
      : routes_(std::move(routes)), access_(std::move(access)) {}

  void handle(Request request, Responder responder);
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Route> routes_;
  Access access_;
};

/// Answers with the error as a problem.
void answer(const Responder& responder, const Error& error);

}  // namespace sovren::api
