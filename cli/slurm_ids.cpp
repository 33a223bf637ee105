// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_ids.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace sovren::cli {
namespace {

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || text[0] == '-')
    return std::nullopt;
  return value;
}

// "1", "1-4", "1-9:2"
std::optional<SlurmId::Range> range(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view ends = text.substr(0, colon);
  const std::size_t dash = ends.find('-');
  const auto first = number(ends.substr(0, dash));
  const auto last = dash == ends.npos ? first : number(ends.substr(dash + 1));
  const auto step = colon == text.npos ? 1 : number(text.substr(colon + 1));
  if (!first || !last || !step || *step < 1 || *last < *first) return std::nullopt;
  return SlurmId::Range{*first, *last, *step};
}

std::optional<std::vector<SlurmId::Range>> tasks_of(std::string_view text) {
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find('%'));  // "1-9%2": how many may run at once
  std::vector<SlurmId::Range> tasks;
  for (const std::string& part : slurm_list(text)) {
    const auto read = range(part);
    if (!read) return std::nullopt;
    tasks.push_back(*read);
  }
  if (tasks.empty()) return std::nullopt;
  return tasks;
}

}  // namespace

bool SlurmId::has_task(std::string_view task) const {
  if (tasks.empty()) return true;
  const auto value = number(task);
  return value && std::ranges::any_of(tasks, [&](const Range& each) {
           return *value >= each.first && *value <= each.last &&
                  (*value - each.first) % each.step == 0;
         });
}

Result<SlurmId> parse_slurm_id(std::string_view text) {
  SlurmId id;
  const std::size_t dot = text.find('.');
  if (dot != text.npos) id.step = text.substr(dot + 1);
  const std::string_view whole = text.substr(0, dot);
  const std::size_t bar = whole.find('_');
  const auto job = number(whole.substr(0, bar));
  const auto tasks =
      bar == whole.npos ? std::vector<SlurmId::Range>() : tasks_of(whole.substr(bar + 1));
  if (!job || *job == 0 || !tasks || (dot != text.npos && id.step.empty()))
    return fail({.code = Code::usage,
                 .what = "Invalid job id specified",
                 .hint = "",
                 .where = std::string(text)});
  id.job = *job;
  id.tasks = *tasks;
  return id;
}

std::vector<std::string> slurm_list(std::string_view text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (const char c : text) {
    depth += (c == '[' ? 1 : 0) - (c == ']' ? 1 : 0);
    if (c == ',' && depth <= 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  std::erase(parts, "");
  return parts;
}

std::string fold_numbers(const std::vector<std::int64_t>& numbers, std::size_t length_max) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i + 1;
    while (end < numbers.size() && numbers[end] == numbers[end - 1] + 1) ++end;
    std::string part = std::to_string(numbers[i]);
    if (end - i > 1) part += "-" + std::to_string(numbers[end - 1]);
    if (length_max != 0 && text.size() + part.size() + 1 > length_max) return text + "...";
    text += (text.empty() ? "" : ",") + part;
    i = end;
  }
  return text;
}

}  // namespace sovren::cli
