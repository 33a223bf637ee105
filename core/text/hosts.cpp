// SPDX-License-Identifier: Apache-2.0
#include "core/text/hosts.h"

#include <charconv>
#include <optional>

#include "core/text/table_reader.h"

namespace sovren::text {
namespace {

constexpr std::size_t hosts_max = 100'000;

std::optional<std::int64_t> number_of(std::string_view digits) {
  std::int64_t value = 0;
  if (digits.empty() || digits.size() > 9 || digits.front() == '-') return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// "01-03" or "07": appends prefix + number + suffix, as wide as the first number is written.
bool append_numbers(std::string_view range, std::string_view prefix, std::string_view suffix,
                    std::vector<std::string>& names) {
  const std::size_t dash = range.find('-');
  const std::string_view first_text = range.substr(0, dash);
  const auto first = number_of(first_text);
  const auto last = dash == range.npos ? first : number_of(range.substr(dash + 1));
  if (!first || !last || *last < *first) return false;
  if (static_cast<std::size_t>(*last - *first) >= hosts_max) return false;
  for (std::int64_t n = *first; n <= *last; ++n) {
    std::string digits = std::to_string(n);
    if (digits.size() < first_text.size()) digits.insert(0, first_text.size() - digits.size(), '0');
    names.push_back(std::string(prefix) + digits + std::string(suffix));
  }
  return names.size() <= hosts_max;
}

// A name, taken apart at its last number; number -1: it has none that can be counted.
struct NumberedName {
  std::string_view prefix;
  std::string_view digits;
  std::int64_t number = -1;
};

NumberedName take_apart(std::string_view name) {
  const std::size_t last_other = name.find_last_not_of("0123456789");
  const std::size_t begin = last_other == name.npos ? 0 : last_other + 1;
  NumberedName parts{name.substr(0, begin), name.substr(begin)};
  parts.number = number_of(parts.digits).value_or(-1);
  return parts;
}

bool is_next(const NumberedName& before, const NumberedName& name) {
  const auto starts_with_zero = [](std::string_view digits) {
    return digits.size() > 1 && digits.front() == '0';
  };
  const bool is_as_wide = before.digits.size() == name.digits.size() ||
                          (before.digits.size() < name.digits.size() &&
                           !starts_with_zero(before.digits) && !starts_with_zero(name.digits));
  return name.number == before.number + 1 && is_as_wide;
}

// The names [begin, end), which share a prefix and are numbered.
std::string in_brackets(const std::vector<NumberedName>& names, std::size_t begin,
                        std::size_t end) {
  std::string text;
  for (std::size_t first = begin, last = begin; first < end; first = ++last) {
    while (last + 1 < end && is_next(names[last], names[last + 1])) ++last;
    if (!text.empty()) text += ",";
    text += names[first].digits;
    if (last > first) text += "-" + std::string(names[last].digits);
  }
  return std::string(names[begin].prefix) + "[" + text + "]";
}

}  // namespace

std::string compress_hosts(std::span<const std::string> names) {
  std::vector<NumberedName> parts;
  for (const std::string& name : names) parts.push_back(take_apart(name));
  std::string text;
  for (std::size_t begin = 0, end = 1; begin < parts.size(); begin = end++) {
    if (parts[begin].number >= 0)
      while (end < parts.size() && parts[end].number >= 0 &&
             parts[end].prefix == parts[begin].prefix)
        ++end;
    if (!text.empty()) text += ",";
    text += end - begin == 1 ? names[begin] : in_brackets(parts, begin, end);
  }
  return text;
}

Result<std::vector<std::string>> expand_host_list(std::string_view list) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= list.size();) {
    bool is_inside = false;
    std::size_t end = begin;
    for (; end < list.size() && (is_inside || list[end] != ','); ++end)
      is_inside = list[end] == '[' || (is_inside && list[end] != ']');
    SOVREN_TRY(some, expand_hosts(list.substr(begin, end - begin)));
    names.insert(names.end(), some.begin(), some.end());
    begin = end + 1;
  }
  return names;
}

Result<std::vector<std::string>> expand_hosts(std::string_view text) {
  const auto wrong = [&] {
    return fail({.code = Code::spec_invalid,
                 .what = "'" + std::string(text) + "' is no name of a node",
                 .hint = "write it like n1 or n[01-16,20]"});
  };
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']');
  if (open == text.npos && close == text.npos) {
    if (!is_word(text)) return wrong();
    return std::vector<std::string>{std::string(text)};
  }
  if (open == text.npos || close == text.npos || close < open) return wrong();
  const std::string_view prefix = text.substr(0, open);
  const std::string_view suffix = text.substr(close + 1);
  if (!is_word(std::string(prefix) + "0" + std::string(suffix))) return wrong();
  std::vector<std::string> names;
  std::string_view ranges = text.substr(open + 1, close - open - 1);
  for (;;) {
    const std::size_t comma = ranges.find(',');
    if (!append_numbers(ranges.substr(0, comma), prefix, suffix, names)) return wrong();
    if (comma == ranges.npos) return names;
    ranges.remove_prefix(comma + 1);
  }
}

}  // namespace sovren::text
