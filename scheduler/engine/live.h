// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "core/port/reporter.h"

namespace sovren::engine {

inline constexpr std::size_t live_warnings_max = 100;

/// What the newest attempt of a job has told. Not durable: it starts empty with each attempt and
/// each restart, and stays after the attempt's end for whoever prints a summary.
struct Live {
  int attempt = 0;
  std::string backend;  ///< "cpu", "cuda"; empty until the attempt reports
  std::vector<std::string> devices;
  std::optional<Progress> progress;   ///< the newest
  std::vector<std::string> warnings;  ///< in order, each once, at most live_warnings_max
  std::optional<Error> failed;        ///< what rank 0 said before it ended
  std::optional<ReportFinished> finished;
  std::string preview;  ///< below the job directory; empty: none yet
};

}  // namespace sovren::engine
