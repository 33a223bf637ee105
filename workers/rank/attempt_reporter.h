// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/port/reporter.h"
#include "workers/rank/report_link.h"

namespace sovren::workers {

/// Reports of this rank: as lines in its log (standard error; progress is left out), and to the
/// agent when there is one.
class AttemptReporter final : public Reporter {
 public:
  explicit AttemptReporter(int rank) : rank_(rank) {}
  void attach(std::unique_ptr<ReportLink> link) { link_ = std::move(link); }
  bool has_agent() const { return link_ != nullptr; }

  void report(const RankReport& report) override;
  /// One line in the log.
  void log(const std::string& text) const;
  /// Sends what waits, for at most 2 s, and says goodbye.
  void close() { link_.reset(); }

 private:
  const int rank_;
  std::unique_ptr<ReportLink> link_;
};

}  // namespace sovren::workers
