// SPDX-License-Identifier: Apache-2.0
#include "core/text/file_pattern.h"

#include <algorithm>
#include <optional>

namespace sovren::text {
namespace {

constexpr std::size_t width_max = 10;
constexpr std::string_view no_task = "4294967294";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string padded(const std::string& digits, std::size_t width) {
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return digits;
  return std::string(width - std::min(width, digits.size()), '0') + digits;
}

// What a letter stands for; none: it is no pattern.
std::optional<std::string> value_of(char letter, const PatternValues& values) {
  switch (letter) {
    case 'A':
      return std::to_string(values.array_job != 0 ? values.array_job : values.job);
    case 'a':
      return values.array_task.empty() ? std::string(no_task) : values.array_task;
    case 'J':
      return std::to_string(values.job) +
             (values.step < 0 ? "" : "." + std::to_string(values.step));
    case 'j':
      return std::to_string(values.job);
    case 'N':
      return values.node_name;
    case 'n':
      return std::to_string(values.node);
    case 's':
      return values.step < 0 ? "batch" : std::to_string(values.step);
    case 't':
      return std::to_string(values.rank);
    case 'u':
      return values.user;
    case 'x':
      return values.job_name;
    case '%':
      return "%";
    default:
      return std::nullopt;
  }
}

}  // namespace

std::string expand_pattern(std::string_view name, const PatternValues& values) {
  std::string out;
  if (name.find('\\') != name.npos) {
    std::copy_if(name.begin(), name.end(), std::back_inserter(out),
                 [](char c) { return c != '\\'; });
    return out;
  }
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t digits_end =
        name[at] == '%' ? std::min(name.size(), name.find_first_not_of("0123456789", at + 1)) : at;
    const auto value = name[at] == '%' && digits_end < name.size()
                           ? value_of(name[digits_end], values)
                           : std::nullopt;
    if (!value) {
      out += name[at++];
      continue;
    }
    std::size_t width = 0;
    for (std::size_t i = at + 1; i < digits_end && width <= width_max; ++i)
      width = width * 10 + static_cast<std::size_t>(name[i] - '0');
    out += padded(*value, std::min(width, width_max));
    at = digits_end + 1;
  }
  return out;
}

}  // namespace sovren::text
