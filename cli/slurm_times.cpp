// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_times.h"

#include <charconv>
#include <ctime>
#include <optional>
#include <string_view>

namespace sovren::cli {
namespace {

// Takes a number of 1 to digits_max digits off the front.
std::optional<int> take_number(std::string_view& text, std::size_t digits_max) {
  int value = 0;
  const std::size_t length = std::min(text.size(), digits_max);
  const auto [end, error] = std::from_chars(text.data(), text.data() + length, value);
  if (error != std::errc() || value < 0 || text[0] == '-') return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

std::tm local_of(Instant at) {
  const std::time_t seconds = at.ms / 1000;
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return local;
}

Instant instant_of(std::tm local) {
  local.tm_isdst = -1;  // whichever is in force then
  return Instant{std::int64_t{1000} * std::mktime(&local)};
}

// "15:04[:05]"
bool take_clock(std::string_view& text, std::tm& local) {
  const auto hour = take_number(text, 2);
  if (!hour || *hour > 23 || !take(text, ":")) return false;
  const auto minute = take_number(text, 2);
  if (!minute || *minute > 59) return false;
  std::optional<int> second = 0;
  if (take(text, ":")) second = take_number(text, 2);
  if (!second || *second > 60) return false;
  local.tm_hour = *hour;
  local.tm_min = *minute;
  local.tm_sec = *second;
  return true;
}

// "2026-11-27", "11/27[/26]", "1127[26]"
bool take_day(std::string_view& text, std::tm& local) {
  const std::string_view whole = text;
  std::optional<int> year, month, day;
  if (whole.size() >= 5 && whole[4] == '-') {
    year = take_number(text, 4);
    take(text, "-");
    month = take_number(text, 2);
    if (!take(text, "-")) return false;
    day = take_number(text, 2);
  } else {
    month = take_number(text, 2);
    const bool has_bars = take(text, "/") || take(text, ".");
    day = take_number(text, 2);
    const bool has_year = has_bars ? take(text, "/") || take(text, ".")
                                   : !text.empty() && text[0] >= '0' && text[0] <= '9';
    if (has_year) {
      year = take_number(text, has_bars ? 4 : 2);
      if (!year) return false;
      if (*year < 100) *year += 2000;
    }
  }
  if (!month || !day || *month < 1 || *month > 12 || *day < 1 || *day > 31) return false;
  if (year) local.tm_year = *year - 1900;
  local.tm_mon = *month - 1;
  local.tm_mday = *day;
  local.tm_hour = local.tm_min = local.tm_sec = 0;
  return true;
}

// "-2hours", "+3days", "+90"
std::optional<double> shift_s(std::string_view text) {
  if (text.empty()) return 0;
  const double sign = text[0] == '-' ? -1 : 1;
  if (text[0] != '-' && text[0] != '+') return std::nullopt;
  text.remove_prefix(1);
  const auto count = take_number(text, 9);
  if (!count) return std::nullopt;
  constexpr std::pair<std::string_view, double> units[] = {
      {"", 1},         {"second", 1},    {"seconds", 1},   {"minute", 60},
      {"minutes", 60}, {"hour", 3600},   {"hours", 3600},  {"day", 86400},
      {"days", 86400}, {"week", 604800}, {"weeks", 604800}};
  for (const auto& [name, seconds] : units)
    if (text == name) return sign * *count * seconds;
  return std::nullopt;
}

std::optional<Instant> named(std::string_view text, Instant now) {
  std::tm local = local_of(now);
  const bool is_now = take(text, "now");
  if (!is_now) {
    local.tm_min = local.tm_sec = 0;
    if (take(text, "today") || take(text, "midnight"))
      local.tm_hour = 0;
    else if (take(text, "noon"))
      local.tm_hour = 12;
    else
      return std::nullopt;
  }
  const auto shift = shift_s(text);
  if (!shift) return std::nullopt;
  return (is_now ? now : instant_of(local)) + *shift;
}

std::optional<Instant> written(std::string_view text, Instant now) {
  std::tm local = local_of(now);
  std::string_view rest = text;
  if (take_clock(rest, local) && rest.empty()) return instant_of(local);
  local = local_of(now);
  rest = text;
  if (!take_day(rest, local)) return std::nullopt;
  if (rest.empty()) return instant_of(local);
  if (!take(rest, "T") && !take(rest, "-") && !take(rest, " ")) return std::nullopt;
  if (!take_clock(rest, local) || !rest.empty()) return std::nullopt;
  return instant_of(local);
}

}  // namespace

Result<Instant> parse_slurm_time(const std::string& text, Instant now) {
  if (const auto at = named(text, now)) return *at;
  if (const auto at = written(text, now)) return *at;
  return fail({.code = Code::usage,
               .what = "Invalid time specification (pos=0): " + text,
               .hint = "e.g. 2026-11-27T15:04, 11/27, 15:04, now-2hours"});
}

}  // namespace sovren::cli
