// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "core/port/clock.h"
#include "scheduler/api/http_types.h"
#include "scheduler/api/tokens.h"

namespace sovren::api {

/// Who asks, and what they may do.
struct Caller {
  std::string user;
  std::set<Scope> scopes;

  bool may(Scope scope) const { return scopes.contains(scope); }
  /// On a job or its files: its owner, or an operator.
  bool may_act_for(const std::string& owner) const {
    return may(Scope::operate) || (may(Scope::submit) && user == owner);
  }
};

/// Tells who sent a request. A local user may read and submit; root, the user that the daemon runs
/// as, and the operators named by the site may also operate; root and the daemon's user may be a
/// node. Over TLS the token says it.
///
/// Threads  one. A user that was not seen before is looked up, which may wait for the system's
///          directory service.
class Access {
 public:
  Access(std::vector<std::string> operators, std::string token_file, Clock& clock);

  /// Errors: refused, when it cannot be told (status 401).
  Result<Caller> identify(const Identity& identity);

 private:
  const std::string& user_name(std::uint32_t uid);

  const std::set<std::string> operators_;
  TokenFile tokens_;
  Clock& clock_;
  std::map<std::uint32_t, std::string> names_;
};

}  // namespace sovren::api
