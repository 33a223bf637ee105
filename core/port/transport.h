// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace sovren {

struct HttpReply {
  int status = 0;
  std::string body;
};

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

/// Calls the scheduler's HTTP API. Implemented by scheduler/api, handed to the agent by cli.
///
/// Errors   unreachable: nobody listens, the connection broke, or no answer came in time; the call
///          may or may not have been carried out. A reply with an error status is no error here.
/// Threads  one at a time; waits.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Result<HttpReply> call(const std::string& method, const std::string& target,
                                 const std::string& body, double timeout_s,
                                 const HttpHeaders& headers = {}) = 0;
};

}  // namespace sovren
