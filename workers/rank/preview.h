// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "core/base/result.h"
#include "jobs/kind/job_kind.h"

namespace sovren::workers {

/// When the next preview is due. Time is an argument; kept by rank 0, which tells the others.
///
/// Model    the first soon, so that a mistake is seen soon; then every few seconds, but never more
///          than preview_share_max of the time, as measured by the newest.
class PreviewSchedule {
 public:
  explicit PreviewSchedule(double now_s) : due_s_(now_s + preview_first_s) {}

  bool is_due(double now_s) const { return is_wanted_ && now_s >= due_s_; }
  /// One was made, and the work goes on at now_s.
  void made(double now_s, double cost_s);
  /// The kind has none.
  void end() { is_wanted_ = false; }

  static constexpr double preview_first_s = 0.5;
  static constexpr double preview_interval_s = 2;
  static constexpr double preview_share_max = 0.02;

 private:
  bool is_wanted_ = true;
  double due_s_;
};

/// Puts the files into dir/preview/, each replaced as a whole: whoever looks sees the old or the
/// new picture. Not made durable: they are made anew. Errors   storage_io.
Result<void> write_preview(const std::string& dir, std::span<const jobs::ResultFile> files);

/// Once the result is there. Errors   storage_io.
Result<void> remove_preview(const std::string& dir);

/// Where write_preview() puts a file, below dir.
std::string preview_path(const std::string& name);

}  // namespace sovren::workers
