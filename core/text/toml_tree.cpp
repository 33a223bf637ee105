// SPDX-License-Identifier: Apache-2.0
// The only file that sees toml++: it costs seconds to compile, and its tables forget the order of
// their keys.
#include "core/text/toml_tree.h"

#include <algorithm>
#include <optional>
#include <sstream>

#include "core/text/utf8.h"

#define TOML_EXCEPTIONS 0
#define TOML_MAX_NESTED_VALUES 64  // the scan before refuses more than toml_depth_max
#include <toml++/toml.h>

namespace sovren::text {
namespace {

Error syntax_error(std::string_view name, const Place& place, std::string what,
                   std::string hint = {}) {
  return {.code = Code::spec_invalid,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = std::string(name) + ":" + std::to_string(place.line) + ":" +
                   std::to_string(place.column)};
}

Place place_of(std::string_view text, std::size_t offset) {
  const std::string_view before = text.substr(0, offset);
  const std::size_t line_begin = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  const std::string_view line = before.substr(line_begin);
  // Bytes 10xxxxxx continue a character.
  const auto columns =
      std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
  return {.line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
          .column = static_cast<int>(columns) + 1};
}

// What a job file must be before a parser looks at it.
std::optional<Error> unreadable(std::string_view text, std::string_view name) {
  if (text.size() > toml_size_bytes_max)
    return syntax_error(name, {},
                        "the file has " + std::to_string(text.size()) + " bytes; at most " +
                            std::to_string(toml_size_bytes_max) + " are allowed",
                        "keep data in a file of its own and name its path here");
  if (text.starts_with("\xEF\xBB\xBF"))
    return syntax_error(name, {}, "the file begins with a byte order mark",
                        "save it as UTF-8 without BOM");
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"))
    return syntax_error(name, {}, "the file is UTF-16", "save it as UTF-8 without BOM");
  if (const std::size_t nul = text.find('\0'); nul != text.npos)
    return syntax_error(name, place_of(text, nul), "the file holds a NUL byte",
                        "is this a text file?");
  if (const std::size_t bad = utf8_fault(text); bad != text.npos)
    return syntax_error(name, place_of(text, bad), "the file is not UTF-8",
                        "save it as UTF-8 without BOM");
  return std::nullopt;
}

// Walks TOML's tokens just closely enough to bound nesting, because both toml++ and the freeing of
// its tables recurse: "a.a.a..." of a megabyte would overflow the stack.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  /// Offset of the first place that is too deep; npos when there is none.
  std::size_t run() {
    int depth = 0, dots = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '[' || c == '{') ++depth;
      if ((c == ']' || c == '}') && depth > 0) --depth;
      if (c == '.')
        ++dots;
      else if (c == '\n' || c == '=' || c == ',' || c == '[' || c == '{')
        dots = 0;
      if (depth > toml_depth_max || dots >= toml_depth_max) return at_;
      ++at_;
    }
    return text_.npos;
  }

 private:
  void skip_string(char quote) {
    const std::string three(3, quote);
    const bool is_long = text_.substr(at_).starts_with(three);
    at_ += is_long ? 3 : 1;
    while (at_ < text_.size()) {
      if (quote == '"' && text_[at_] == '\\') {
        at_ += 2;
        continue;
      }
      if (is_long && text_.substr(at_).starts_with(three)) {
        at_ += 3;
        for (int extra = 0; extra < 2 && at_ < text_.size() && text_[at_] == quote; ++extra) ++at_;
        return;
      }
      if (!is_long && (text_[at_] == quote || text_[at_] == '\n')) {
        if (text_[at_] == quote) ++at_;
        return;
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

Place place_of(const toml::source_region& region) {
  return {.line = static_cast<int>(region.begin.line),
          .column = static_cast<int>(region.begin.column)};
}

TomlValue tree_of(const toml::node& node);

std::vector<TomlEntry> entries_of(const toml::table& table) {
  std::vector<TomlEntry> entries;
  for (auto&& [key, node] : table)
    entries.push_back({std::string(key.str()), place_of(key.source()), tree_of(node)});
  std::stable_sort(entries.begin(), entries.end(),
                   [](const TomlEntry& a, const TomlEntry& b) { return a.place < b.place; });
  return entries;
}

template <class Time>
std::string text_of(const Time& time) {
  std::ostringstream text;
  text << time;
  return text.str();
}

TomlValue tree_of(const toml::node& node) {
  using Type = TomlValue::Type;
  TomlValue value;
  value.place = place_of(node.source());
  node.visit([&](const auto& leaf) {
    using Leaf = std::remove_cvref_t<decltype(leaf)>;
    if constexpr (toml::is_table<Leaf>) {
      value.type = Type::table;
      value.entries = entries_of(leaf);
    } else if constexpr (toml::is_array<Leaf>) {
      value.type = Type::list;
      for (const toml::node& item : leaf) value.items.push_back(tree_of(item));
    } else if constexpr (toml::is_string<Leaf>) {
      value.type = Type::text;
      value.text = leaf.get();
    } else if constexpr (toml::is_integer<Leaf>) {
      value.type = Type::whole;
      value.whole = leaf.get();
    } else if constexpr (toml::is_floating_point<Leaf>) {
      value.type = Type::number;
      value.number = leaf.get();
    } else if constexpr (toml::is_boolean<Leaf>) {
      value.type = Type::boolean;
      value.boolean = leaf.get();
    } else {
      value.type = Type::time;
      value.text = text_of(leaf.get());
    }
  });
  return value;
}

}  // namespace

const TomlEntry* TomlValue::find(std::string_view key) const {
  for (const TomlEntry& entry : entries)
    if (entry.key == key) return &entry;
  return nullptr;
}

Result<TomlValue> parse_toml(std::string_view text, std::string_view name) {
  if (auto error = unreadable(text, name)) return fail(*std::move(error));
  if (const std::size_t deep = DepthScan(text).run(); deep != text.npos)
    return fail(
        syntax_error(name, place_of(text, deep),
                     "values and keys nest more than " + std::to_string(toml_depth_max) + " deep"));
  const toml::parse_result result = toml::parse(text);
  if (!result) {
    std::string what(result.error().description());
    if (what.starts_with("Error ")) what.replace(0, 5, "syntax error");
    return fail(syntax_error(name, place_of(result.error().source()), std::move(what)));
  }
  return tree_of(result.table());
}

}  // namespace sovren::text
