// SPDX-License-Identifier: Apache-2.0
#include "core/text/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace sovren::text {
namespace {

std::string encoded(unsigned code_point) {
  const auto byte = [](unsigned bits) { return static_cast<char>(bits); };
  if (code_point < 0x80) return {byte(code_point)};
  if (code_point < 0x800) return {byte(0xC0 | code_point >> 6), byte(0x80 | (code_point & 0x3F))};
  if (code_point < 0x10000)
    return {byte(0xE0 | code_point >> 12), byte(0x80 | (code_point >> 6 & 0x3F)),
            byte(0x80 | (code_point & 0x3F))};
  return {byte(0xF0 | code_point >> 18), byte(0x80 | (code_point >> 12 & 0x3F)),
          byte(0x80 | (code_point >> 6 & 0x3F)), byte(0x80 | (code_point & 0x3F))};
}

TEST(Utf8, TakesCodePointsButSurrogates) {
  // All of the first 64 Ki, then every 37th, which meets each lead byte.
  for (unsigned code_point = 0; code_point < 0x110100;
       code_point += code_point < 0x10000 ? 1 : 37) {
    const bool is_good = code_point < 0x110000 && (code_point < 0xD800 || code_point > 0xDFFF);
    ASSERT_EQ(utf8_fault("a" + encoded(code_point) + "b") == std::string::npos, is_good)
        << std::hex << code_point;
  }
}

TEST(Utf8, FindsTheFirstBadByte) {
  for (const char* bad :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xF0\x80\x80\x80",
        "\xF5\x80\x80\x80", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xFF"})
    EXPECT_EQ(utf8_fault(std::string("ok ") + bad), 3u) << bad;
}

}  // namespace
}  // namespace sovren::text
