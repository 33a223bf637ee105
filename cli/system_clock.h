// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/port/clock.h"

namespace sovren::cli {

/// The system's clocks.
class SystemClock final : public Clock {
 public:
  Instant now() override;
  Instant steady() override;
};

}  // namespace sovren::cli
