// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "core/text/toml_tree.h"

namespace sovren::text {
namespace {

constexpr std::size_t shown_bytes_max = 60;

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// At most shown_bytes_max bytes, cut between characters, control characters as '?'.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, shown_bytes_max));
  if (out.size() < text.size()) {
    while (!out.empty() && (text[out.size()] & 0xC0) == 0x80) out.pop_back();
    out += "...";
  }
  for (char& c : out)
    if (is_control(c)) c = '?';
  return out;
}

}  // namespace

std::string describe(const TomlValue& value) {
  using Type = TomlValue::Type;
  switch (value.type) {
    case Type::text:
      return "string '" + shown(value.text) + "'";
    case Type::whole:
      return std::to_string(value.whole);
    case Type::number:
      return toml_number(value.number);
    case Type::boolean:
      return value.boolean ? "true" : "false";
    case Type::time:
      return "the date " + shown(value.text);
    case Type::list:
      return value.items.empty() ? "an empty list" : "a list";
    case Type::table:
      return "a table";
  }
  return "nothing";
}

std::string toml_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (is_control(c)) {
          std::array<char, 8> buffer{};
          std::snprintf(buffer.data(), buffer.size(), "\\u%04X", static_cast<unsigned char>(c));
          out += buffer.data();
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string toml_key(std::string_view key) {
  bool is_bare = !key.empty();
  for (const char c : key)
    is_bare = is_bare && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-');
  return is_bare ? std::string(key) : toml_quote(key);
}

std::string toml_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

}  // namespace sovren::text
