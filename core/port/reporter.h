// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "core/base/error.h"
#include "core/model/checkpoint_interval.h"

namespace sovren {

/// How far a job is. Metrics are named without the prefix sovren_ and in base units
/// (tests_per_second).
struct Progress {
  std::int64_t step = 0;   ///< completed steps
  double fraction = 0;     ///< of the whole job, 0 to 1, never falls within an attempt
  std::string phase;       ///< "condition selection"
  std::int64_t done = 0;   ///< of the phase, in `unit`
  std::int64_t total = 0;  ///< 0: unknown
  std::string unit;        ///< "tests"
  std::map<std::string, double> metrics;
  bool operator==(const Progress&) const = default;
};

// What rank 0 tells the agent; one JSON line each (core/text/report_json.h).
struct ReportStarted {
  std::string backend;
  std::vector<std::string> devices;
  int ranks = 0;
  bool operator==(const ReportStarted&) const = default;
};
struct ReportProgress {
  Progress progress;
  bool operator==(const ReportProgress&) const = default;
};
struct ReportSealed {
  std::int64_t step = 0;
  std::int64_t size_bytes = 0;
  double seal_s = 0;         ///< from the copy of the state until sealed
  double blocked_s = 0;      ///< of it, how long the job stood still
  double slowdown_s = 0;     ///< that the steps beside the writing took longer than others, signed
  std::int64_t skipped = 0;  ///< sets that were due since the one before and not begun
  CheckpointPlan plan;       ///< for the time until the next
  bool operator==(const ReportSealed&) const = default;
};
struct ReportRestored {
  std::int64_t step = 0;
  std::string set;
  double restore_s = 0;
  bool operator==(const ReportRestored&) const = default;
};
struct ReportRejected {
  std::string set;
  std::string why;
  bool operator==(const ReportRejected&) const = default;
};
struct ReportWarning {
  std::string text;
  bool operator==(const ReportWarning&) const = default;
};
struct ReportFailed {
  Error error;
  bool operator==(const ReportFailed&) const = default;
};
/// The result folder is durable. digest: SHA-256 of the result's content, the same for every rank
/// count.
struct ReportFinished {
  std::int64_t steps = 0;
  std::string digest;
  std::map<std::string, double> metrics;
  bool operator==(const ReportFinished&) const = default;
};

/// A picture of the work so far is there, and will be replaced as the work goes on.
struct ReportPreview {
  std::string path;  ///< below the job directory: "preview/image.png"
  bool operator==(const ReportPreview&) const = default;
};

using RankReport =
    std::variant<ReportStarted, ReportProgress, ReportSealed, ReportRestored, ReportRejected,
                 ReportWarning, ReportFailed, ReportFinished, ReportPreview>;

/// Takes the reports of rank 0 away. Never fails and never waits: a report that cannot be sent is
/// dropped.
class Reporter {
 public:
  virtual ~Reporter() = default;
  virtual void report(const RankReport& report) = 0;
};

}  // namespace sovren
