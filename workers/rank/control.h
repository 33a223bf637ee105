// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/result.h"

namespace sovren::workers {

/// What others want of this rank: signals and the agent's lines set it, the loop takes it at the
/// next step boundary.
///
/// Threads  any thread and any signal handler may ask; one thread takes.
class Control {
 public:
  void ask_for_checkpoint() { checkpoint_ = true; }
  void ask_to_stop() { stop_ = true; }
  void confirm_seal(std::int64_t step) { recorded_ = step; }

  /// Takes one line from the agent: {"request":"checkpoint"|"stop"|"kill"} or
  /// {"sealed_recorded":STEP}. Errors: data_invalid.
  Result<void> take_line(std::string_view line);

  /// Was a checkpoint asked for since the last call?
  bool take_checkpoint() { return checkpoint_.exchange(false); }
  /// Stays true.
  bool is_stopping() const { return stop_; }
  /// The step of a sealed set that is in the log since the last call.
  std::optional<std::int64_t> take_recorded();

 private:
  static_assert(std::atomic<bool>::is_always_lock_free, "signal handlers set these");
  std::atomic<bool> checkpoint_ = false;
  std::atomic<bool> stop_ = false;
  std::atomic<std::int64_t> recorded_ = none;
  static constexpr std::int64_t none = -1;
};

/// SIGUSR1 asks for a checkpoint; SIGUSR2, SIGTERM and SIGINT ask to stop; SIGPIPE, SIGHUP
/// and SIGXFSZ are ignored: the call that caused one fails instead. control must outlive the
/// process's signals.
void route_signals_to(Control& control);

}  // namespace sovren::workers
