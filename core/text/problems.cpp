// SPDX-License-Identifier: Apache-2.0
#include "core/text/problems.h"

#include <algorithm>

namespace sovren::text {
namespace {

constexpr std::size_t errors_max = 100;

}  // namespace

void Problems::add(const Place& place, std::string what, std::string hint, Code code) {
  ++count_;
  if (is_full()) return;
  found_.emplace_back(
      place,
      Error{.code = code, .what = std::move(what), .hint = std::move(hint), .where = where(place)});
}

Errors Problems::in_order() && {
  std::stable_sort(found_.begin(), found_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  Errors errors;
  for (auto& [place, error] : found_) {
    if (errors.size() == errors_max) break;
    errors.push_back(std::move(error));
  }
  if (count_ > errors.size())
    errors.push_back({.code = Code::spec_invalid,
                      .what = "and " + std::to_string(count_ - errors.size()) + " more errors",
                      .where = name_});
  return errors;
}

std::string Problems::where(const Place& place) const {
  if (place.override_index < 0)
    return name_ + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
  const auto index = static_cast<std::size_t>(place.override_index);
  TomlValue written{.type = TomlValue::Type::text};
  written.text =
      words_.empty() ? overrides_[index].key + "=" + overrides_[index].value : words_[index];
  const std::string shown = describe(written);  // string '...'
  return (words_.empty() ? "--set " : "") + shown.substr(8, shown.size() - 9);
}

}  // namespace sovren::text
