// SPDX-License-Identifier: Apache-2.0
#include "jobs/drawing/markup.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "core/text/utf8.h"

namespace sovren::jobs {

namespace {

constexpr std::size_t name_characters_max = 24;
constexpr const char* replacement = "\xEF\xBF\xBD";  // U+FFFD

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F) out += c;
    }
  }
}

void append_visible(std::string& out, std::string_view text) {
  for (const char c : text) {
    const bool is_control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    if (is_control && c != '\n' && c != '\t')
      out += replacement;
    else
      out += c;
  }
}

/// Appends the well-formed parts of a text by append(), and a replacement for each bad byte.
std::string mended(std::string_view text, void (*append)(std::string&, std::string_view)) {
  std::string out;
  for (auto bad = text::utf8_fault(text); bad != text.npos; bad = text::utf8_fault(text)) {
    append(out, text.substr(0, bad));
    out += replacement;
    text.remove_prefix(bad + 1);
  }
  append(out, text);
  return out;
}

}  // namespace

std::string escaped(std::string_view text) {
  return mended(text, append_escaped);
}

std::string visible(std::string_view text) {
  return mended(text, append_visible);
}

std::string shortened_name(const std::string& name) {
  std::size_t characters = 0;
  for (std::size_t k = 0; k < name.size(); ++k) {
    if ((name[k] & 0xC0) == 0x80) continue;
    if (++characters > name_characters_max) return name.substr(0, k) + "…";
  }
  return name;
}

std::string shortest(double value) {
  std::array<char, 32> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string formatted(const char* pattern, double value) {
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), pattern, value == 0 ? 0.0 : value);
  return text.data();
}

std::string probability(double p) {
  if (p == 0) return "0";
  return formatted(p < 1e-3 ? "%.0e" : "%.3f", p);
}

std::string counted(std::int64_t number, const std::string& one) {
  return std::to_string(number) + " " + one + (number == 1 ? "" : "s");
}

}  // namespace sovren::jobs
