// SPDX-License-Identifier: Apache-2.0
#include "core/text/time_text.h"

#include <gtest/gtest.h>

namespace sovren::text {
namespace {

TEST(ParseUtc, ReadsWhatFormatUtcWrites) {
  for (const std::int64_t ms :
       {std::int64_t{0}, std::int64_t{-1}, std::int64_t{951782399999}, std::int64_t{951782400000},
        std::int64_t{1795446245123}, std::int64_t{253402300799999}}) {
    EXPECT_EQ(parse_utc(format_utc({ms})), Instant{ms}) << format_utc({ms});
  }
}

TEST(ParseUtc, ReadsZonesAndFractions) {
  EXPECT_EQ(parse_utc("1970-01-01T01:00:00+01:00"), Instant{0});
  EXPECT_EQ(parse_utc("1969-12-31 18:30:00-05:30"), Instant{0});
  EXPECT_EQ(parse_utc("1970-01-01T00:00:01.5Z"), Instant{1500});
  EXPECT_EQ(parse_utc("1970-01-01T00:00:01.0019999Z"), Instant{1001});
}

TEST(ParseUtc, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2026-11-23", "2026-11-23T15:04:05", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-23T24:00:00Z", "2026-11-23T00:60:00Z",
        "2026-11-23T00:00:60Z", "2026-11-23T15:04:05Zx", "2026-11-23T15:04:05.Z",
        "2026-11-23T15:04:05+1:00", "2026-11-23T15:04:05+24:00", "26-11-23T15:04:05Z"})
    EXPECT_EQ(parse_utc(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sovren::text
