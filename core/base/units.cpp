// SPDX-License-Identifier: Apache-2.0
#include "core/base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <limits>
#include <span>

namespace sovren {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr std::array duration_units{Unit{"ms", 1e-3}, Unit{"s", 1},    Unit{"m", 60},
                                    Unit{"min", 60},  Unit{"h", 3600}, Unit{"d", 86400}};
constexpr std::array size_units{Unit{"B", 1},        Unit{"KiB", 1024.0}, Unit{"MiB", 0x1p20},
                                Unit{"GiB", 0x1p30}, Unit{"TiB", 0x1p40}, Unit{"KB", 1e3},
                                Unit{"MB", 1e6},     Unit{"GB", 1e9},     Unit{"TB", 1e12}};

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void skip_spaces(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
}

// Sum of "number unit" terms; the units must all be in the table.
Result<double> sum_of_terms(std::string_view whole, std::span<const Unit> units,
                            std::string_view what, std::string_view example) {
  const auto wrong = [&](std::string why) {
    return fail({.code = Code::spec_invalid,
                 .what = "'" + std::string(whole) + "' is no " + std::string(what) + ": " + why,
                 .hint = "write it like " + std::string(example)});
  };
  std::string_view text = whole;
  double total = 0;
  skip_spaces(text);
  if (text.empty()) return wrong("it is empty");
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || !std::isfinite(number)) return wrong("a number is missing");
    if (number < 0 || std::signbit(number)) return wrong("it is negative");
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    skip_spaces(text);
    std::size_t letters = 0;
    while (letters < text.size() && is_letter(text[letters])) ++letters;
    const std::string_view unit_name = text.substr(0, letters);
    if (unit_name.empty()) return wrong("a unit is missing");
    const Unit* unit = nullptr;
    for (const Unit& candidate : units)
      if (candidate.name == unit_name) unit = &candidate;
    if (unit == nullptr) {
      std::string allowed;
      for (const Unit& candidate : units)
        allowed += (allowed.empty() ? "" : ", ") + std::string(candidate.name);
      return wrong("unit '" + std::string(unit_name) + "' is none of " + allowed);
    }
    total += number * unit->factor;
    text.remove_prefix(letters);
    skip_spaces(text);
  }
  return total;
}

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  return {buffer.data(), end};
}

}  // namespace

Result<double> parse_duration_s(std::string_view text) {
  SOVREN_TRY(seconds,
             sum_of_terms(text, duration_units, "duration", "\"90s\", \"5min\" or \"1h30m\""));
  if (seconds > 1e10)  // 300 years: beyond it, milliseconds since 1970 would overflow when added up
    return fail({.code = Code::spec_invalid,
                 .what = "'" + std::string(text) + "' is longer than 300 years"});
  return seconds;
}

Result<std::int64_t> parse_size_bytes(std::string_view text) {
  SOVREN_TRY(bytes, sum_of_terms(text, size_units, "size", "\"512MiB\" or \"2GiB\""));
  if (bytes > 0x1p62)
    return fail({.code = Code::spec_invalid, .what = "'" + std::string(text) + "' is too large"});
  return static_cast<std::int64_t>(bytes);
}

std::string format_duration(double seconds) {
  if (seconds < 0 || seconds != std::floor(seconds) || seconds >= 0x1p53) {
    const double ms = seconds * 1000;
    const bool reads_back = ms == std::floor(ms) && std::fabs(ms) < 1e6 && ms * 1e-3 == seconds;
    return reads_back ? shortest(ms) + "ms" : shortest(seconds) + "s";
  }
  auto whole = static_cast<std::int64_t>(seconds);
  if (whole == 0) return "0s";
  std::string text;
  constexpr std::array<std::pair<std::int64_t, const char*>, 4> parts{
      {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
  for (const auto& [size, name] : parts) {
    if (whole >= size) text += std::to_string(whole / size) + name;
    whole %= size;
  }
  return text;
}

std::string format_size(std::int64_t bytes) {
  constexpr std::array<std::pair<std::int64_t, const char*>, 4> parts{
      {{std::int64_t{1} << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}}};
  for (const auto& [size, name] : parts)
    if (bytes != 0 && bytes % size == 0) return std::to_string(bytes / size) + name;
  return std::to_string(bytes) + "B";
}

std::string format_utc(Instant at) {
  const std::time_t seconds = at.ms >= 0 ? at.ms / 1000 : (at.ms - 999) / 1000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                parts.tm_sec, static_cast<int>(at.ms - std::int64_t{seconds} * 1000));
  return buffer.data();
}

namespace {

// Takes fixed parts off the front of a text; once something is missing, is_good stays false.
struct Taker {
  std::string_view text;
  bool is_good = true;

  int digits(std::size_t count) {
    int value = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (text.empty() || text.front() < '0' || text.front() > '9') {
        is_good = false;
        return 0;
      }
      value = value * 10 + (text.front() - '0');
      text.remove_prefix(1);
    }
    return value;
  }
  char one_of(std::string_view allowed) {
    if (text.empty() || allowed.find(text.front()) == allowed.npos) {
      is_good = false;
      return 0;
    }
    const char c = text.front();
    text.remove_prefix(1);
    return c;
  }
};

// ".25" -> 250; digits past the third are dropped.
std::int64_t take_fraction_ms(Taker& taker) {
  if (!taker.text.starts_with('.')) return 0;
  taker.text.remove_prefix(1);
  std::int64_t ms = 0, place = 100;
  do {
    ms += taker.digits(1) * place;
    place /= 10;
  } while (taker.is_good && !taker.text.empty() && taker.text.front() >= '0' &&
           taker.text.front() <= '9');
  return ms;
}

}  // namespace

Result<Instant> parse_utc(std::string_view text) {
  Taker taker{text};
  const int year = taker.digits(4);
  taker.one_of("-");
  const int month = taker.digits(2);
  taker.one_of("-");
  const int day = taker.digits(2);
  taker.one_of("Tt ");
  const int hour = taker.digits(2);
  taker.one_of(":");
  const int minute = taker.digits(2);
  taker.one_of(":");
  const int second = taker.digits(2);
  const std::int64_t ms = take_fraction_ms(taker);
  const char zone = taker.one_of("Zz+-");
  int zone_min = 0;
  if (zone == '+' || zone == '-') {
    const int zone_h = taker.digits(2);
    taker.one_of(":");
    const int zone_m = taker.digits(2);
    taker.is_good = taker.is_good && zone_h <= 23 && zone_m <= 59;
    zone_min = (zone == '+' ? 1 : -1) * (zone_h * 60 + zone_m);
  }
  std::tm parts{};
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  const std::int64_t midnight_s = timegm(&parts);  // carries over: 31 April becomes 1 May
  const bool is_date = parts.tm_mon == month - 1 && parts.tm_mday == day;
  if (!taker.is_good || !taker.text.empty() || !is_date || hour > 23 || minute > 59 || second > 59)
    return fail({.code = Code::spec_invalid,
                 .what = "'" + std::string(text) + "' is not a time",
                 .hint = "write it as in RFC 3339: \"2026-11-23T15:04:05Z\""});
  return Instant{(midnight_s + (hour * 60 + minute - zone_min) * 60 + second) * 1000 + ms};
}

}  // namespace sovren
