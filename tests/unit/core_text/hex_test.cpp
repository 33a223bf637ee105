// SPDX-License-Identifier: Apache-2.0
#include "core/text/hex.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace sovren::text {
namespace {

TEST(Hex, EveryByteThereAndBack) {
  std::vector<std::byte> bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<std::byte>(i));
  const std::string hex = hex_of(bytes);
  EXPECT_EQ(hex.size(), 512);
  EXPECT_EQ(hex.substr(0, 8), "00010203");
  EXPECT_EQ(hex.substr(504), "fcfdfeff");
  std::vector<std::byte> back(256);
  EXPECT_TRUE(read_hex(hex, back));
  EXPECT_EQ(back, bytes);
}

TEST(Hex, OtherTextsAreNone) {
  std::array<std::byte, 2> out{};
  EXPECT_TRUE(read_hex("AbCd", out));
  EXPECT_EQ(hex_of(out), "abcd");
  for (const char* text : {"", "abc", "abcde", "abcdef", "abcg", "ab d", "-bcd", "0xab"})
    EXPECT_FALSE(read_hex(text, out)) << text;
  EXPECT_TRUE(read_hex("", std::span<std::byte>()));
}

}  // namespace
}  // namespace sovren::text
