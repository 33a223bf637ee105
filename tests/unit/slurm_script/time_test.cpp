// SPDX-License-Identifier: Apache-2.0
// Limits and moments, as sbatch 22.05.8 reads them (seen with sbatch -vv on 2026-11-27).
#include "slurm/script/sbatch_time.h"
#include "tests/unit/slurm_script/batch_reading.h"

namespace sovren::slurm {
namespace {

TEST(SbatchTime, HasAllFormsOfALimit) {
  const std::pair<std::string_view, std::int64_t> limits[] = {
      {"90", 90},        {"1:2", 2},       {"1:2:3", 63}, {"1-2", 1560},         {"1-2:3", 1563},
      {"1-2:3:4", 1564}, {"0", 0},         {"0:30", 1},   {"UNLIMITED", 0},      {"infinite", 0},
      {"-1", 0},         {"00:10:00", 10}, {"2-0", 2880}, {"07-00:00:00", 10080}};
  for (const auto& [text, minutes] : limits) EXPECT_EQ(limit_minutes(text), minutes) << text;
  for (const char* text : {"", "5m", "1:2:3:4", " 5", "-", "1-", "-2", "1-2:", ":", "1h", "1.5",
                           "99999999999", "1-2-3", "+5"})
    EXPECT_EQ(limit_minutes(text), std::nullopt) << text;
}

TEST(SbatchTime, HasAllFormsOfAMoment) {
  // It is 04:30:00 on Friday, 2026-11-27, where the clock is an hour ahead of UTC.
  const std::pair<std::string_view, std::string_view> moments[] = {
      {"16:00", "2026-11-27T15:00:00"},
      {"04:29", "2026-11-28T03:29:00"},
      {"16:00:30", "2026-11-27T15:00:30"},
      {"now", "2026-11-27T03:30:00"},
      {"now+1hour", "2026-11-27T04:30:00"},
      {"now+60", "2026-11-27T03:31:00"},
      {"now + 2 days", "2026-11-29T03:30:00"},
      {"now+5minutes", "2026-11-27T03:35:00"},
      {"now+1week", "2026-12-04T03:30:00"},
      {"now-5", "2026-11-27T03:30:00"},
      {"today", "2026-11-26T23:00:00"},
      {"tomorrow", "2026-11-27T23:00:00"},
      {"tomorrow 16:00", "2026-11-28T15:00:00"},
      {"midnight", "2026-11-27T23:00:00"},
      {"noon", "2026-11-27T11:00:00"},
      {"fika", "2026-11-27T14:00:00"},
      {"teatime", "2026-11-27T15:00:00"},
      {"4:30PM", "2026-11-27T15:30:00"},
      {"4:30 pm", "2026-11-27T15:30:00"},
      {"12:15am", "2026-11-27T23:15:00"},
      {"12:15pm", "2026-11-27T11:15:00"},
      {"2027-01-20", "2027-01-19T23:00:00"},
      {"2027-01-20T12:34", "2027-01-20T11:34:00"},
      {"2027-01-20T12:34:05", "2027-01-20T11:34:05"},
      {"010228", "2028-01-01T23:00:00"},
      {"01/02/28", "2028-01-01T23:00:00"},
      {"01/02", "2027-01-01T23:00:00"},
      {"12.02", "2026-12-01T23:00:00"},
      {"12/02-16:00", "2026-12-02T15:00:00"},
      {"12/02T16:00", "2026-12-02T15:00:00"},
      {"010227-10:00", "2027-01-02T09:00:00"}};
  for (const auto& [text, utc] : moments) {
    const auto at = moment(text, test_clock());
    ASSERT_TRUE(at) << text;
    EXPECT_EQ(format_utc(*at).substr(0, 19), utc) << text;
  }
  for (const char* text : {"",
                           "16",
                           "25:00",
                           "16:60",
                           "elevenses",
                           "4PM",
                           "now+1h",
                           "now+5min",
                           "now+",
                           "2027-1-2",
                           "2027-13-01",
                           "2027-02-29",
                           "1234567890",
                           "noon+1hour",
                           "5 pm",
                           "today tomorrow",
                           "16:00 17:00",
                           "13:00pm",
                           "1/2/3/4",
                           "nowhere",
                           "T",
                           "now+99999999999weeks"})
    EXPECT_EQ(moment(text, test_clock()), std::nullopt) << text;
}

TEST(SbatchTime, IsOfTheDayOnWhichTheClockIsSet) {
  // One hour ahead before 2027-03-28T01:00Z, two after.
  const std::int64_t change_ms = parse_utc("2027-03-28T01:00:00Z")->ms;
  const WallClock clock{*parse_utc("2027-03-27T12:00:00Z"),
                        [=](Instant at) { return at.ms < change_ms ? 3600 : 7200; }};
  EXPECT_EQ(format_utc(*moment("2027-03-28T12:00", clock)), "2027-03-28T10:00:00.000Z");
  EXPECT_EQ(format_utc(*moment("2027-03-28T01:30", clock)), "2027-03-28T00:30:00.000Z");
}

}  // namespace
}  // namespace sovren::slurm
