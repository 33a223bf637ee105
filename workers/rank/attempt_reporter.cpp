// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/attempt_reporter.h"

#include <chrono>
#include <cstdio>
#include <sstream>

#include "core/base/units.h"

namespace sovren::workers {
namespace {

Instant wall_clock() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return Instant{std::chrono::duration_cast<std::chrono::milliseconds>(now).count()};
}

/// The report as a line of the log; empty for progress.
struct LogLine {
  std::string operator()(const ReportStarted& started) const {
    std::string text = "started: " + std::to_string(started.ranks) + " ranks, " + started.backend;
    for (const std::string& device : started.devices) text += ", " + device;
    return text;
  }
  std::string operator()(const ReportProgress&) const { return {}; }
  std::string operator()(const ReportPreview& preview) const {
    return "previews come to " + preview.path;
  }
  std::string operator()(const ReportSealed& sealed) const {
    std::ostringstream text;
    text << "sealed checkpoint of step " << sealed.step << ": " << sealed.size_bytes << " bytes in "
         << sealed.seal_s << " s, the job stood still for " << sealed.blocked_s << " s";
    return text.str();
  }
  std::string operator()(const ReportRestored& restored) const {
    std::ostringstream text;
    text << "restored " << restored.set << " at step " << restored.step << " in "
         << restored.restore_s << " s";
    return text.str();
  }
  std::string operator()(const ReportRejected& rejected) const {
    return "checkpoint " + rejected.set + " is not used: " + rejected.why;
  }
  std::string operator()(const ReportWarning& warning) const { return "warning: " + warning.text; }
  std::string operator()(const ReportFailed& failed) const {
    return "failed: " + to_text(failed.error);
  }
  std::string operator()(const ReportFinished& finished) const {
    return "finished after " + std::to_string(finished.steps) + " steps, result " + finished.digest;
  }
};

}  // namespace

void AttemptReporter::report(const RankReport& report) {
  if (const std::string text = std::visit(LogLine{}, report); !text.empty()) log(text);
  if (link_ != nullptr) link_->report(report);
}

void AttemptReporter::log(const std::string& text) const {
  std::fprintf(stderr, "%s rank %d: %s\n", format_utc(wall_clock()).c_str(), rank_, text.c_str());
}

}  // namespace sovren::workers
