// SPDX-License-Identifier: Apache-2.0
#include "cli/system_clock.h"

#include <chrono>

namespace sovren::cli {
namespace {

template <class Clock>
Instant instant_of() {
  const auto since = Clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since).count()};
}

}  // namespace

Instant SystemClock::now() {
  return instant_of<std::chrono::system_clock>();
}

Instant SystemClock::steady() {
  return instant_of<std::chrono::steady_clock>();
}

}  // namespace sovren::cli
