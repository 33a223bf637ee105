// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/scrub_tool.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "core/text/report_json.h"
#include "storage/checkpoint/scrub.h"

namespace sovren::workers {
namespace {

constexpr double bytes_per_s_max = 64.0 * (1 << 20);

/// As `nice -n 19 ionice -c idle`: what cannot be had is gone without.
void stand_back() {
  constexpr int of_process = 1;        // IOPRIO_WHO_PROCESS
  constexpr int idle_class = 3 << 13;  // IOPRIO_CLASS_IDLE; glibc has no header for these
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, 19));
  static_cast<void>(::syscall(SYS_ioprio_set, of_process, 0, idle_class));
}

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void sleep_for(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

}  // namespace

int scrub_job(const std::string& dir, std::ostream& out, std::ostream& errors) {
  stand_back();
  const auto report =
      storage::scrub_sets(dir + "/checkpoints",
                          {.bytes_per_s = bytes_per_s_max, .now_s = steady_s, .sleep = sleep_for});
  if (!report) {
    errors << to_text(report.error()) << "\n";
    return rank_exit_code(report.error().code);
  }
  for (const storage::DamagedSet& set : report->damaged)
    out << text::report_to_json(ReportRejected{
               set.name, "found damaged at rest: " + set.why +
                             (set.is_quarantined ? "" : " (left where it is: no other is good)")})
        << "\n";
  return report->damaged.empty() ? exit_done : rank_exit_code(Code::storage_corrupt);
}

}  // namespace sovren::workers
