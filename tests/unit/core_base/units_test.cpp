// SPDX-License-Identifier: Apache-2.0
#include "core/base/units.h"

#include <gtest/gtest.h>

namespace sovren {
namespace {

TEST(Units, ReadsDurations) {
  EXPECT_EQ(parse_duration_s("90s"), 90.0);
  EXPECT_EQ(parse_duration_s("5min"), 300.0);
  EXPECT_EQ(parse_duration_s("1h30m"), 5400.0);
  EXPECT_EQ(parse_duration_s(" 2 d 1 h "), 176'400.0);
  EXPECT_EQ(parse_duration_s("250ms"), 0.25);
  EXPECT_EQ(parse_duration_s("1.5h"), 5400.0);
}

TEST(Units, RefusesABareNumberWithAHint) {
  const auto result = parse_duration_s("30");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::spec_invalid);
  EXPECT_NE(result.error().what.find("a unit is missing"), std::string::npos);
  EXPECT_NE(result.error().hint.find("\"90s\""), std::string::npos);
}

TEST(Units, RefusesNonsense) {
  for (const char* text :
       {"", " ", "s", "-5s", "5 parsecs", "1e999s", "nan s", "inf s", "5s5", "-0s", "1e300d"})
    EXPECT_FALSE(parse_duration_s(text)) << text;
  for (const char* text : {"", "GiB", "-1GiB", "1gib", "2", "1e30TiB"})
    EXPECT_FALSE(parse_size_bytes(text)) << text;
}

TEST(Units, ReadsSizes) {
  EXPECT_EQ(parse_size_bytes("2GiB"), std::int64_t{2} << 30);
  EXPECT_EQ(parse_size_bytes("1.5 KB"), 1500);
  EXPECT_EQ(parse_size_bytes("0B"), 0);
}

TEST(Units, FormatsWhatItReadsBack) {
  for (const double s :
       {0.0, 0.09, 1.0, 59.0, 90.0, 3600.0, 5400.0, 86'400.0, 90'061.0, 0.123456789, 1e7})
    EXPECT_EQ(parse_duration_s(format_duration(s)), s) << format_duration(s);
  for (const std::int64_t b : {std::int64_t{0}, std::int64_t{1000}, std::int64_t{1} << 10,
                               std::int64_t{3} << 30, std::int64_t{7} << 40})
    EXPECT_EQ(parse_size_bytes(format_size(b)), b) << format_size(b);
  EXPECT_EQ(format_duration(5400), "1h30min");
  EXPECT_EQ(format_size(std::int64_t{2} << 30), "2GiB");
}

TEST(Units, PrintsInstantsInUtc) {
  EXPECT_EQ(format_utc({0}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc({1'795'447'805'123}), "2026-11-23T15:30:05.123Z");
  EXPECT_EQ(format_utc({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(Units, ReadsRfc3339Times) {
  EXPECT_EQ(parse_utc("1970-01-01T00:00:00Z"), Instant{0});
  EXPECT_EQ(parse_utc("2026-11-23T15:30:05.123Z"), Instant{1'795'447'805'123});
  EXPECT_EQ(parse_utc("2026-11-23 16:30:05.1239+01:00"), Instant{1'795'447'805'123});
  EXPECT_EQ(parse_utc("2026-11-23t10:00:05-05:30"), Instant{1'795'447'805'000});
  for (const char* text :
       {"", "now", "2026-11-23", "2026-11-23T15:30:05", "2026-13-01T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T15:30:05.Z",
        "2026-11-23T15:30:05+0100", "2026-11-23T15:30:05Z ", "2026-1-023T15:30:05Z",
        "-026-11-23T15:30:05Z", "2026-11-23T15:30:05+01:0x"})
    EXPECT_FALSE(parse_utc(text)) << text;
}

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
    EXPECT_FALSE(parse_utc(text)) << text;
}

}  // namespace
}  // namespace sovren
