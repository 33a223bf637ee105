// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/units.h"

namespace sovren {

/// Tells the time; virtual in tests and in the simulator.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant now() = 0;

  /// Never steps: for how long somebody has been silent. From an arbitrary start.
  virtual Instant steady() { return now(); }
};

}  // namespace sovren
