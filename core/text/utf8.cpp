// SPDX-License-Identifier: Apache-2.0
#include "core/text/utf8.h"

#include <array>

namespace sovren::text {
namespace {

// Lead bytes and what the second byte may be (Unicode 15, table 3-7); further ones are 80..BF.
struct Row {
  unsigned char lead_min, lead_max, second_min, second_max;
  std::size_t length;
};
constexpr std::array rows{Row{0xC2, 0xDF, 0x80, 0xBF, 2}, Row{0xE0, 0xE0, 0xA0, 0xBF, 3},
                          Row{0xE1, 0xEC, 0x80, 0xBF, 3}, Row{0xED, 0xED, 0x80, 0x9F, 3},
                          Row{0xEE, 0xEF, 0x80, 0xBF, 3}, Row{0xF0, 0xF0, 0x90, 0xBF, 4},
                          Row{0xF1, 0xF3, 0x80, 0xBF, 4}, Row{0xF4, 0xF4, 0x80, 0x8F, 4}};

}  // namespace

std::size_t utf8_character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (byte(0) < 0x80) return 1;
  for (const Row& row : rows) {
    if (byte(0) < row.lead_min || byte(0) > row.lead_max) continue;
    if (text.size() < row.length || byte(1) < row.second_min || byte(1) > row.second_max) return 0;
    for (std::size_t i = 2; i < row.length; ++i)
      if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
    return row.length;
  }
  return 0;
}

std::size_t utf8_fault(std::string_view text) {
  std::size_t offset = 0;
  while (offset < text.size()) {
    const std::size_t length = utf8_character_length(text.substr(offset));
    if (length == 0) return offset;
    offset += length;
  }
  return text.npos;
}

}  // namespace sovren::text
