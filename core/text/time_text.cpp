// SPDX-License-Identifier: Apache-2.0
#include "core/text/time_text.h"

#include <chrono>
#include <cstdint>

namespace sovren::text {
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

std::optional<Instant> parse_utc(std::string_view text) {
  Taker taker{text};
  const int year = taker.digits(4);
  taker.one_of("-");
  const int month = taker.digits(2);
  taker.one_of("-");
  const int day = taker.digits(2);
  taker.one_of("T ");
  const int hour = taker.digits(2);
  taker.one_of(":");
  const int minute = taker.digits(2);
  taker.one_of(":");
  const int second = taker.digits(2);
  const std::int64_t ms = take_fraction_ms(taker);
  const char zone = taker.one_of("Z+-");
  int zone_min = 0;
  if (zone == '+' || zone == '-') {
    const int zone_h = taker.digits(2);
    taker.one_of(":");
    const int zone_m = taker.digits(2);
    taker.is_good = taker.is_good && zone_h <= 23 && zone_m <= 59;
    zone_min = (zone == '+' ? 1 : -1) * (zone_h * 60 + zone_m);
  }
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!taker.is_good || !taker.text.empty() || !date.ok() || hour > 23 || minute > 59 ||
      second > 59)
    return std::nullopt;
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  return Instant{(((days * 24 + hour) * 60 + minute - zone_min) * 60 + second) * 1000 + ms};
}

}  // namespace sovren::text
