// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::text {

/// Where something was written: in the file (override_index -1; line and column count from 1, in
/// characters), or in an override (its place in the list).
struct Place {
  int override_index = -1;
  int line = 1;
  int column = 1;
  auto operator<=>(const Place&) const = default;
};

struct TomlEntry;

/// One TOML value with its place. Only the member that `type` names is set; entries in file order.
struct TomlValue {
  enum class Type { text, whole, number, boolean, time, list, table };
  Type type = Type::table;
  Place place;
  std::string text;  ///< text; time as it is printed in TOML; of an override: what was written
  std::int64_t whole = 0;
  double number = 0;
  bool boolean = false;
  bool is_bare = false;  ///< by --set or a directive: may mean its text, whatever its type
  std::vector<TomlValue> items;
  std::vector<TomlEntry> entries;

  const TomlEntry* find(std::string_view key) const;
};

struct TomlEntry {
  std::string key;
  Place place;
  TomlValue value;
};

inline constexpr std::size_t toml_size_bytes_max = std::size_t{1} << 20;
inline constexpr int toml_depth_max = 16;  ///< of nested values, and of a dotted key

/// Reads a TOML 1.0 document. Errors: spec_invalid, the first only, `where` = "name:line:column":
/// over a limit, not UTF-8, a NUL or byte order mark, or against TOML's grammar.
Result<TomlValue> parse_toml(std::string_view text, std::string_view name);

/// "string 'four'", "4.5", "a list": the value as a message shows it, shortened, on one line.
std::string describe(const TomlValue& value);

/// Text as a TOML basic string, with quotes; any bytes that are UTF-8.
std::string toml_quote(std::string_view text);

/// A key, quoted where TOML needs it.
std::string toml_key(std::string_view key);

/// Shortest text that reads back to the same double; "nan", "inf", "1.0".
std::string toml_number(double value);

}  // namespace sovren::text
