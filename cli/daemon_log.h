// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sovren::cli {

/// What a daemon tells its operator, on standard error: lines for people on a terminal, else one
/// JSON object a line: {"time","level","message", and the facts}.
///
/// Threads  any.
class DaemonLog {
 public:
  using Facts = std::vector<std::pair<std::string, std::string>>;

  DaemonLog();
  ~DaemonLog();

  void info(std::string_view message, const Facts& facts = {});
  void warn(std::string_view message, const Facts& facts = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sovren::cli
