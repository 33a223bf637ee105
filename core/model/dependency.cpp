// SPDX-License-Identifier: Apache-2.0
#include "core/model/dependency.h"

#include <charconv>
#include <optional>
#include <string>
#include <utility>

namespace sovren {
namespace {

using Kind = Dependency::Kind;
constexpr std::pair<std::string_view, Kind> words[] = {{"after", Kind::after},
                                                       {"any", Kind::any},
                                                       {"ok", Kind::ok},
                                                       {"notok", Kind::not_ok},
                                                       {"corr", Kind::corresponding},
                                                       {"failed", Kind::not_ok}};

std::optional<Dependency> dependency_of(std::string_view term) {
  if (term == "singleton") return Dependency{Kind::singleton, {}};
  const std::size_t colon = term.find(':');
  if (colon == term.npos) return std::nullopt;
  const std::string_view number = term.substr(colon + 1);
  std::int64_t job = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), job);
  if (error != std::errc() || end != number.data() + number.size() || job < 1) return std::nullopt;
  for (const auto& [word, kind] : words)
    if (term.substr(0, colon) == word) return Dependency{kind, {job}};
  return std::nullopt;
}

}  // namespace

Result<std::vector<Dependency>> parse_after(std::string_view text) {
  std::vector<Dependency> dependencies;
  while (!text.empty()) {
    const std::string_view term = text.substr(0, text.find(','));
    const auto dependency = dependency_of(term);
    const bool ends_in_comma = term.size() + 1 == text.size();
    if (!dependency || ends_in_comma)
      return fail({.code = Code::spec_invalid,
                   .what = "'" + std::string(ends_in_comma ? text : term) + "' is no dependency",
                   .hint = "write: ok:12, any:13, notok:3, after:4, corr:5 or singleton, with "
                           "commas between them"});
    dependencies.push_back(*dependency);
    text.remove_prefix(term.size() == text.size() ? term.size() : term.size() + 1);
  }
  return dependencies;
}

}  // namespace sovren
