// SPDX-License-Identifier: Apache-2.0
#include "cli/system_clock.h"

#include <chrono>

namespace sovren::cli {

Instant SystemClock::now() {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::milliseconds>(since_epoch).count()};
}

}  // namespace sovren::cli
