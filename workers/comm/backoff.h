// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sched.h>

#include <chrono>
#include <ctime>

namespace sovren::workers {

/// How to wait for a peer: spin while it is likely about to answer, then yield the core, then sleep
/// for longer and longer. With more ranks than cores, the rank that is waited for needs this core.
class Backoff {
 public:
  /// What is waited for. bulk: much data in many pieces, which move only when one looks.
  enum class For { answer, bulk };
  explicit Backoff(double deadline_s, For what = For::answer)
      : until_(Clock::now() + std::chrono::duration<double>(deadline_s)),
        nap_ns_max_(what == For::bulk ? bulk_nap_ns_max : nap_ns_max) {}

  /// Waits a little; false when the deadline has passed.
  bool pause() {
    ++turns_;
    if (turns_ < spin_turns) return true;
    if (turns_ < spin_turns + yield_turns) {
      ::sched_yield();
    } else {
      const timespec nap{0, nap_ns_};
      ::nanosleep(&nap, nullptr);
      if (nap_ns_ < nap_ns_max_) nap_ns_ *= 2;
    }
    return Clock::now() < until_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr int spin_turns = 200;         // about 20 us of MPI_Test: a peer on another core
  static constexpr int yield_turns = 200;        // a peer on this core that has little left to do
  static constexpr long nap_ns_max = 1'000'000;  // a step takes 0.1 to 2 s: 1 ms late is nothing
  static constexpr long bulk_nap_ns_max = 20'000;

  const std::chrono::time_point<Clock, std::chrono::duration<double>> until_;
  const long nap_ns_max_;
  int turns_ = 0;
  long nap_ns_ = 20'000;
};

}  // namespace sovren::workers
