// SPDX-License-Identifier: Apache-2.0
#include "core/text/text_fields.h"

#include <array>

namespace sovren::text {
namespace {

// What a byte is in a JSON string.
enum class Byte : std::uint8_t { plain, escaped, wide };

constexpr std::array<Byte, 256> byte_kinds = [] {
  std::array<Byte, 256> kinds{};
  for (std::size_t c = 0; c < 0x20; ++c) kinds[c] = Byte::escaped;
  for (std::size_t c = 0x80; c < 0x100; ++c) kinds[c] = Byte::wide;
  kinds['"'] = kinds['\\'] = Byte::escaped;
  return kinds;
}();

Byte kind_of(char c) {
  return byte_kinds[static_cast<unsigned char>(c)];
}

constexpr std::string_view escape_letters = "\"\\/bfnrt";
constexpr std::string_view escape_values = "\"\\/\b\f\n\r\t";

void append_escape(std::string& out, char c) {
  if (const std::size_t at = escape_values.find(c); at != escape_values.npos) {
    out += '\\';
    out += escape_letters[at];
    return;
  }
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "\\u%04x", static_cast<unsigned char>(c));
  out += buffer;
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
  const std::size_t before = out.size();
  out += '"';
  std::size_t from = 0;
  bool is_wide = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const Byte kind = kind_of(text[at]);
    is_wide = is_wide || kind == Byte::wide;
    if (kind != Byte::escaped) continue;
    out.append(text, from, at - from);
    append_escape(out, text[at]);
    from = at + 1;
  }
  out.append(text, from);
  out += '"';
  if (!is_wide || utf8_fault(text) == text.npos) return;
  out.resize(before);
  out += dump_json(Json(std::string(text)));
}

void TextReader::take_text(std::string& text) {
  expect("\"");
  text.clear();
  bool is_wide = false;
  std::size_t from = 0;
  for (std::size_t at = 0; at < rest_.size() && !is_odd_; ++at) {
    const char c = rest_[at];
    const Byte kind = kind_of(c);
    is_wide = is_wide || kind == Byte::wide;
    if (c == '"') {
      text.append(rest_, from, at - from);
      rest_.remove_prefix(at + 1);
      if (is_wide && utf8_fault(text) != text.npos) is_odd_ = true;
      return;
    }
    if (kind != Byte::escaped) continue;
    if (c != '\\' || at + 1 == rest_.size()) break;
    const std::size_t letter = escape_letters.find(rest_[at + 1]);
    if (letter == escape_letters.npos) break;  // \u0001: rare
    text.append(rest_, from, at - from);
    text += escape_values[letter];
    at += 1;
    from = at + 1;
  }
  is_odd_ = true;
}

}  // namespace sovren::text
