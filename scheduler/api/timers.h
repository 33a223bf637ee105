// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>

namespace sovren::api {

/// What is to be done later. Somebody calls fire() from time to time.
///
/// Threads  any.
class Timers {
 public:
  /// Times are in seconds of one steady clock.
  void at(double time_s, std::function<void()> work);
  /// Does all that is due, on the caller's thread.
  void fire(double now_s);

 private:
  std::mutex mutex_;
  std::multimap<double, std::function<void()>> due_;
};

}  // namespace sovren::api
