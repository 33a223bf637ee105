// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "core/port/reporter.h"
#include "workers/rank/control.h"

namespace sovren::workers {

/// The rank's end of the agent's socket: reports go out, requests come in.
///
/// Model    Says {"rank":N}, then: connected -> lost. When the agent goes away, on_lost runs at
/// once, in the midst of a
///          step too: a rank that nobody watches must not go on computing.
/// Limits   Progress is dropped while earlier reports wait; what waits is at most 1 MiB.
/// Threads  report() from one thread; requests arrive on a thread of their own.
class ReportLink final : public Reporter {
 public:
  /// Errors   unreachable.
  static Result<std::unique_ptr<ReportLink>> connect(const std::string& path, int rank,
                                                     Control& control,
                                                     std::function<void()> on_lost);
  /// Waits at most 2 s for what was reported to be sent; on_lost no longer runs.
  ~ReportLink() override;

  void report(const RankReport& report) override;

 private:
  ReportLink(int socket, int rank, Control& control, std::function<void()> on_lost);
  void listen(Control& control, const std::function<void()>& on_lost) const;
  void send_waiting(int wait_ms);

  const int socket_;
  std::string waiting_;  ///< reports not yet sent
  std::atomic<bool> is_closing_ = false;
  std::thread listener_;
};

}  // namespace sovren::workers
