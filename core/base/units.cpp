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

Result<Instant> parse_utc(std::string_view text) {
  const auto refused = [&] {
    return fail({.code = Code::spec_invalid,
                 .what = "'" + std::string(text) + "' is not a time",
                 .hint = "write it as in RFC 3339: \"2026-11-23T15:04:05Z\""});
  };
  const auto number = [&](std::size_t at, std::size_t digits, int low, int high) {
    int value = 0;
    if (at + digits > text.size()) return -1;
    const auto read = std::from_chars(text.data() + at, text.data() + at + digits, value);
    const bool is_whole = read.ec == std::errc{} && read.ptr == text.data() + at + digits;
    return is_whole && text[at] != '-' && value >= low && value <= high ? value : -1;
  };
  constexpr std::string_view shape = "0000-00-00T00:00:00";
  if (text.size() < shape.size() + 1) return refused();
  for (const std::size_t at : {std::size_t{4}, std::size_t{7}, std::size_t{13}, std::size_t{16}})
    if (text[at] != shape[at]) return refused();
  if (text[10] != 'T' && text[10] != 't' && text[10] != ' ') return refused();
  std::tm parts{};
  parts.tm_year = number(0, 4, 1970, 9999) - 1900;
  parts.tm_mon = number(5, 2, 1, 12) - 1;
  parts.tm_mday = number(8, 2, 1, 31);
  parts.tm_hour = number(11, 2, 0, 23);
  parts.tm_min = number(14, 2, 0, 59);
  parts.tm_sec = number(17, 2, 0, 60);
  if (parts.tm_year < 70 || parts.tm_mon < 0 || parts.tm_mday < 0 || parts.tm_hour < 0 ||
      parts.tm_min < 0 || parts.tm_sec < 0)
    return refused();
  const int day = parts.tm_mday;
  Instant at{std::int64_t{timegm(&parts)} * 1000};
  if (parts.tm_mday != day && parts.tm_sec < 60) return refused();  // 31 April

  std::size_t next = shape.size();
  if (text[next] == '.') {
    int scale_ms = 100;
    const std::size_t first = ++next;
    for (; next < text.size() && text[next] >= '0' && text[next] <= '9'; ++next, scale_ms /= 10)
      at.ms += scale_ms * (text[next] - '0');
    if (next == first) return refused();
  }
  const std::string_view zone = text.substr(next);
  if (zone == "Z" || zone == "z") return at;
  const int hours = number(next + 1, 2, 0, 23);
  const int minutes = number(next + 4, 2, 0, 59);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 ||
      minutes < 0)
    return refused();
  const std::int64_t offset_ms = (hours * 60 + minutes) * std::int64_t{60'000};
  at.ms += zone[0] == '+' ? -offset_ms : offset_ms;
  return at;
}

}  // namespace sovren
