// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/base/units.h"
#include "core/port/reporter.h"

namespace sovren::cli {

/// Shows how far a job is, on standard error: on a terminal one line that is redrawn, elsewhere a
/// line every 10 s.
class ProgressLine {
 public:
  enum class Mode { silent, lines, redrawn };

  ProgressLine(std::string job_name, Mode mode) : job_name_(std::move(job_name)), mode_(mode) {}

  /// silent with --quiet, redrawn on a terminal, else lines.
  static Mode mode_for(bool is_quiet);

  /// A new attempt: the time estimate starts again.
  void restart(Instant now);
  void update(const Progress& progress, std::optional<Instant> sealed_at, Instant now);
  /// A line of its own: "resumed from gen-000120".
  void say(const std::string& text);
  /// Takes the redrawn line away.
  void clear();

 private:
  std::string line_of(const Progress& progress, std::optional<Instant> sealed_at, Instant now,
                      int width) const;

  std::string job_name_;
  Mode mode_;
  Instant attempt_started_{};
  double attempt_first_fraction_ = -1;
  std::optional<Instant> shown_at_;
  bool is_line_open_ = false;
};

}  // namespace sovren::cli
