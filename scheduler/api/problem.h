// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "core/base/error.h"
#include "scheduler/api/http_types.h"

namespace sovren::api {

/// HTTP status for an error: spec_invalid 422, not_found 404, unreachable 503, ...; 403 for what
/// forbidden() made.
int status_of(const Error& error);

/// Not this caller's to do.
Error forbidden(std::string what, std::string hint);

/// The error as RFC 9457 problem JSON: {"type","title","status","detail","code","hint","where",
/// "context"}. detail is Error::what; members that would be empty are left out.
Response problem_of(const Error& error);
/// The same with another status: 401, 403, 405, 413, ...
Response problem_of(const Error& error, int status);

/// Of several, the first; all of them are in "errors". errors: not empty.
Response problem_of(std::span<const Error> errors);

/// The error that an answer with an error status stands for; what is no problem JSON (a proxy's
/// page) becomes unreachable.
Error error_of(const HttpReply& reply);
/// All errors that it bears, the first as error_of; never empty.
std::vector<Error> errors_of(const HttpReply& reply);

}  // namespace sovren::api
