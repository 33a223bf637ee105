// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sovren {

/// A moment: milliseconds since 1970-01-01 UTC. The core never reads a clock; it is handed one of
/// these.
struct Instant {
  std::int64_t ms = 0;
  auto operator<=>(const Instant&) const = default;
};

inline Instant operator+(Instant at, double seconds) {
  return {at.ms + static_cast<std::int64_t>(seconds * 1000.0)};
}

/// Seconds from b to a.
inline double operator-(Instant a, Instant b) {
  return static_cast<double>(a.ms - b.ms) / 1000.0;
}

/// "90s" "5min" "1h30m" "2d" "250ms" -> seconds. Units ms, s, m, min, h, d; spaces allowed; a bare
/// number is refused.
Result<double> parse_duration_s(std::string_view text);

/// "512MiB" "2 GiB" "1.5GB" "100B" -> bytes. KiB.. are 1024-based, KB.. 1000-based; a bare number
/// is refused.
Result<std::int64_t> parse_size_bytes(std::string_view text);

/// Shortest text that parse_duration_s reads back to the same value: "1h30m", "90ms".
std::string format_duration(double seconds);

/// Shortest exact text that parse_size_bytes reads back: "2GiB", "1000B".
std::string format_size(std::int64_t bytes);

/// "2026-11-23T15:04:05.123Z".
std::string format_utc(Instant at);

/// RFC 3339: "2026-11-23T15:04:05Z", with fraction and offset: "2026-11-23 16:04:05.123+01:00". To
/// the millisecond; leap seconds (:60) are refused.
Result<Instant> parse_utc(std::string_view text);

}  // namespace sovren
