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

}  // namespace

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
