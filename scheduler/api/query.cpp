// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/query.h"

#include <charconv>

namespace sovren::api {
namespace {

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

Error query_error(std::string_view name, std::string what) {
  return {.code = Code::usage,
          .what = std::move(what),
          .hint = "",
          .where = "query " + std::string(name)};
}

}  // namespace

std::string Query::text(std::string_view name, std::string_view otherwise) {
  asked_.emplace(name);
  const std::string* const found = target_.find(name);
  return found ? *found : std::string(otherwise);
}

Result<std::int64_t> Query::whole(std::string_view name, std::int64_t otherwise, std::int64_t min,
                                  std::int64_t max) {
  const std::string given = text(name);
  if (!target_.find(name)) return otherwise;
  std::int64_t value = 0;
  if (!parse_number(given, value) || value < min || value > max)
    return fail(query_error(name, "'" + given + "' is no whole number from " + std::to_string(min) +
                                      " to " + std::to_string(max)));
  return value;
}

Result<double> Query::seconds(std::string_view name, double otherwise, double max) {
  const std::string given = text(name);
  if (!target_.find(name)) return otherwise;
  double value = 0;
  if (!parse_number(given, value) || !(value >= 0 && value <= max))
    return fail(query_error(name, "'" + given + "' is no number of seconds from 0 to " +
                                      std::to_string(static_cast<int>(max))));
  return value;
}

Result<std::optional<Instant>> Query::time(std::string_view name) {
  const std::string given = text(name);
  if (given.empty()) return std::nullopt;
  auto time = parse_utc(given);
  if (!time) return fail(query_error(name, time.error().what));
  return *time;
}

Result<void> Query::finish() const {
  std::set<std::string_view> seen;
  for (const auto& [name, value] : target_.query) {
    if (!asked_.contains(name)) {
      Error error = query_error(name, "'" + name + "' is not known here");
      for (const std::string& known : asked_)
        error.hint += (error.hint.empty() ? "" : ", ") + known;
      error.hint = error.hint.empty() ? "this path has no query" : "known are " + error.hint;
      return fail(std::move(error));
    }
    if (!seen.insert(name).second) return fail(query_error(name, "'" + name + "' stands twice"));
  }
  return {};
}

Result<JobId> parse_job_id(const std::string& text) {
  const std::size_t bar = text.find('_');
  std::int64_t first = 0;
  std::int64_t element = 0;
  const bool is_good =
      parse_number(std::string_view(text).substr(0, bar), first) && first > 0 &&
      (bar == std::string::npos || (parse_number(std::string_view(text).substr(bar + 1), element) &&
                                    element >= 0 && element < (std::int64_t{1} << 32)));
  if (!is_good || first > (std::int64_t{1} << 62))
    return fail({.code = Code::usage,
                 .what = "'" + text + "' is no job id",
                 .hint = "a job is named by its number, 12, or 12_5 for element 5 of an array"});
  return JobId{first + element};
}

}  // namespace sovren::api
