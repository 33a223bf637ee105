// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

#include "core/base/units.h"

namespace sovren::text {

/// "2026-11-23T15:04:05Z", "2026-11-23 15:04:05.250+01:00" (RFC 3339) as a moment, to the
/// millisecond; none when it is no such time. Leap seconds (:60) are refused.
std::optional<Instant> parse_utc(std::string_view text);

}  // namespace sovren::text
