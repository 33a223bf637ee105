// SPDX-License-Identifier: Apache-2.0
#include "slurm/script/sbatch_time.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <utility>
#include <vector>

namespace sovren::slurm {
namespace {

constexpr std::int64_t day_s = 86400;

// A whole number of `digits_min` to `digits_max` digits.
std::optional<std::int64_t> number_of(std::string_view text, std::size_t digits_min = 1,
                                      std::size_t digits_max = 9) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && value >= 0;
  if (!is_number || text.front() == '-' || text.size() < digits_min || text.size() > digits_max)
    return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find_first_of(separators);
    parts.push_back(text.substr(0, at));
    if (at == text.npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<std::vector<std::int64_t>> numbers_of(std::string_view text) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view part : split(text, ":")) {
    const auto number = number_of(part);
    if (!number) return std::nullopt;
    numbers.push_back(*number);
  }
  return numbers;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

// Days from 1970-01-01. Source: Howard Hinnant, "chrono-compatible low-level date algorithms".
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2;
  const std::int64_t era = year / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct Date {
  std::int64_t year = 0, month = 0, day = 0;
};

Date date_of(std::int64_t days) {
  days += 719468;
  const std::int64_t era = days / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * of_year + 2) / 153;
  const Date date{.year = year + era * 400 + (month >= 10 ? 1 : 0),
                  .month = month < 10 ? month + 3 : month - 9,
                  .day = of_year - (153 * month + 2) / 5 + 1};
  return date;
}

std::optional<std::int64_t> checked_days(const Date& date) {
  if (date.year < 1970 || date.year > 9999 || date.month < 1 || date.month > 12 || date.day < 1)
    return std::nullopt;
  const std::int64_t days = days_of(date.year, date.month, date.day);
  const Date back = date_of(days);
  if (back.month != date.month || back.day != date.day) return std::nullopt;  // 31 April
  return days;
}

// Reads a day and a time of day, in local time.
class LocalMoment {
 public:
  explicit LocalMoment(const WallClock& clock) : clock_(clock) {
    now_s_ = clock.now.ms / 1000 + ahead(clock.now);
  }

  std::optional<Instant> read(std::string_view text) {
    for (const std::string_view word : split(text, " ")) {
      if (word.empty()) continue;
      if (!word_of(word)) return std::nullopt;
    }
    if (!days_ && !seconds_) return std::nullopt;
    return instant(resolved());
  }

 private:
  std::int64_t ahead(Instant at) const {
    return clock_.ahead_of_utc_s ? clock_.ahead_of_utc_s(at) : 0;
  }
  // Around a change of the clock the offset is that of the moment itself.
  Instant instant(std::int64_t local_s) const {
    const Instant guess{(local_s - ahead({local_s * 1000})) * 1000};
    return {(local_s - ahead(guess)) * 1000};
  }

  bool word_of(std::string_view word) {
    if (word == "am" || word == "pm") return half_of_day(word);
    if (word == "today" || word == "tomorrow") return set_days(now_s_ / day_s + (word != "today"));
    if (const auto named = named_time(word)) return set_seconds(*named);
    if (word.find(':') != word.npos && word.find_first_of("/.") == word.npos &&
        word.find('-') == word.npos)
      return time_of_day(word);
    return date(word);
  }

  static std::optional<std::int64_t> named_time(std::string_view word) {
    constexpr std::array<std::pair<std::string_view, std::int64_t>, 4> names{
        {{"midnight", 0}, {"noon", 12}, {"fika", 15}, {"teatime", 16}}};
    for (const auto& [name, hour] : names)
      if (word == name) return hour * 3600;
    return std::nullopt;
  }

  bool set_days(std::optional<std::int64_t> days) {
    if (!days || days_) return false;
    days_ = days;
    return true;
  }
  bool set_seconds(std::int64_t seconds) {
    if (seconds_) return false;
    seconds_ = seconds;
    return true;
  }

  bool half_of_day(std::string_view half) {
    if (!seconds_ || has_half_ || *seconds_ >= 13 * 3600) return false;
    has_half_ = true;
    if (*seconds_ >= 12 * 3600) *seconds_ -= 12 * 3600;
    if (half == "pm") *seconds_ += 12 * 3600;
    return true;
  }

  // "16:00", "16:00:30", "4:30pm"
  bool time_of_day(std::string_view word) {
    const std::string_view half =
        word.ends_with("am") || word.ends_with("pm") ? word.substr(word.size() - 2) : "";
    word.remove_suffix(half.size());
    const auto parts = split(word, ":");
    if (parts.size() < 2 || parts.size() > 3) return false;
    const auto hour = number_of(parts[0], 1, 2);
    const auto minute = number_of(parts[1], 2, 2);
    const auto second = parts.size() == 3 ? number_of(parts[2], 2, 2) : 0;
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 59) return false;
    return set_seconds(*hour * 3600 + *minute * 60 + *second) &&
           (half.empty() || half_of_day(half));
  }

  // "2027-01-20", "01/20", "01/20/27", "01.20.27", "012027", and with a time: "01/20/27-16:00".
  bool date(std::string_view word) {
    const auto dashes = split(word, "-");
    if (dashes.size() == 3) {
      const auto year = number_of(dashes[0], 4, 4);
      const auto month = number_of(dashes[1], 2, 2);
      const auto day = number_of(dashes[2], 2, 2);
      return year && month && day && set_days(checked_days({*year, *month, *day}));
    }
    if (dashes.size() == 2) return american(dashes[0]) && time_of_day(dashes[1]);
    return dashes.size() == 1 && american(word);
  }

  bool american(std::string_view word) {
    std::vector<std::string_view> parts = split(word, "/.");
    if (parts.size() == 1 && (word.size() == 4 || word.size() == 6)) {  // MMDD[YY]
      parts = {word.substr(0, 2), word.substr(2, 2)};
      if (word.size() == 6) parts.push_back(word.substr(4));
    }
    if (parts.size() < 2 || parts.size() > 3) return false;
    const auto month = number_of(parts[0], 1, 2);
    const auto day = number_of(parts[1], 1, 2);
    if (!month || !day) return false;
    const Date today = date_of(now_s_ / day_s);
    if (parts.size() == 2) {
      is_this_year_ = true;
      month_ = *month;
      day_ = *day;
      return set_days(checked_days({today.year, *month, *day}));
    }
    const auto year = number_of(parts[2], 2, 4);
    if (!year || parts[2].size() == 3) return false;
    return set_days(checked_days({*year < 100 ? 2000 + *year : *year, *month, *day}));
  }

  std::int64_t resolved() const {
    const std::int64_t today = now_s_ / day_s;
    const std::int64_t local_s = days_.value_or(today) * day_s + seconds_.value_or(0);
    if (!days_) return local_s < now_s_ ? local_s + day_s : local_s;
    if (!is_this_year_ || local_s >= now_s_) return local_s;
    const auto next = checked_days({date_of(today).year + 1, month_, day_});
    return next.value_or(*days_) * day_s + seconds_.value_or(0);
  }

  const WallClock& clock_;
  std::int64_t now_s_ = 0;               // of local time
  std::optional<std::int64_t> days_;     // of local time, since 1970-01-01
  std::optional<std::int64_t> seconds_;  // of the day
  bool has_half_ = false;
  bool is_this_year_ = false;  // a date without a year
  std::int64_t month_ = 0, day_ = 0;
};

// What stands behind "now": nothing, or + or - a count and a unit.
std::optional<Instant> from_now(std::string_view rest, Instant now) {
  std::string text;
  for (const char c : rest)
    if (c != ' ') text += c;
  if (text.empty()) return now;
  const std::size_t letters = text.find_first_not_of("0123456789", 1);
  const auto count = number_of(std::string_view(text).substr(1, letters - 1));
  if ((text[0] != '+' && text[0] != '-') || !count) return std::nullopt;
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> units{
      {{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", day_s}, {"week", 7 * day_s}}};
  std::string unit = letters == text.npos ? "second" : text.substr(letters);
  if (unit.ends_with('s')) unit.pop_back();
  for (const auto& [name, seconds] : units)
    if (unit == name && *count <= 100 * 366 * day_s / seconds)
      return Instant{now.ms + (text[0] == '-' ? 0 : *count * seconds * 1000)};
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> limit_minutes(std::string_view text) {
  const std::string word = lower(text);
  if (word == "unlimited" || word == "infinite" || word == "-1") return 0;
  const std::size_t dash = text.find('-');
  const auto parts = numbers_of(dash == text.npos ? text : text.substr(dash + 1));
  if (!parts || parts->size() > 3) return std::nullopt;
  std::int64_t seconds = 0;
  if (dash != text.npos) {
    const auto days = number_of(text.substr(0, dash), 1, 6);
    if (!days) return std::nullopt;
    constexpr std::int64_t unit_s[] = {3600, 60, 1};
    seconds = *days * day_s;
    for (std::size_t i = 0; i < parts->size(); ++i) seconds += (*parts)[i] * unit_s[i];
  } else {
    constexpr std::int64_t unit_s[] = {60, 1};
    if (parts->size() == 3) seconds = parts->front() * 3600;
    for (std::size_t i = parts->size() == 3 ? 1 : 0, unit = 0; i < parts->size(); ++i, ++unit)
      seconds += (*parts)[i] * unit_s[unit];
  }
  return (seconds + 59) / 60;
}

std::optional<Instant> moment(std::string_view text, const WallClock& clock) {
  const std::string word = lower(text);
  if (word.starts_with("now")) return from_now(std::string_view(word).substr(3), clock.now);
  // "T" between a date and a time; no name of a time has one before it.
  std::string with_spaces = word;
  const std::size_t t = word.find('t');
  if (t != word.npos && t > 0 && t + 1 < word.size() && word[t - 1] >= '0' && word[t - 1] <= '9' &&
      word[t + 1] >= '0' && word[t + 1] <= '9')
    with_spaces[t] = ' ';
  return LocalMoment(clock).read(with_spaces);
}

}  // namespace sovren::slurm
