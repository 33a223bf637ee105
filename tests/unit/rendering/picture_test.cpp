// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/picture.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "jobs/rendering/srgb.h"
#include "tests/unit/rendering/picture_files.h"

namespace sovren::jobs {
namespace {

constexpr std::int64_t megabyte = 1 << 20;

Result<Picture> picture_of(std::string_view file) {
  return decode_picture(bytes_of(file), "studio");
}

// --- JPEG: files written by Pillow 9.4 (libjpeg-turbo 2.1), of even or slowly changing colours.

constexpr const char* grey_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb004300030202030202030303030403030405080505040405"
    "0a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffc000"
    "0b080008001001011100ffc4001500010100000000000000000000000000000007ffc40014100100000000000000"
    "000000000000000000ffda0008010100003f009a0fffd9";
constexpr const char* color_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb004300020101010101020101010202020202040302020202"
    "0504040304060506060605060606070908060709070606080b08090a0a0a0a0a06080b0c0b0a0c090a0a0affdb00"
    "4301020202020202050303050a0706070a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a"
    "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0affc00011080010001003012200021101031101ffc40015000101"
    "00000000000000000000000000000007ffc40014100100000000000000000000000000000000ffc4001501010100"
    "000000000000000000000000000809ffc40014110100000000000000000000000000000000ffda000c0301000211"
    "0311003f00838031a903ffd9";
/// Of the pixel (x, y) of 16 x 16: 16 x, 16 y, 128.
constexpr const char* progressive_jpeg =
    "ffd8ffe000104a46494600010100000100010000ffdb004300030202030202030303030403030405080505040405"
    "0a070706080c0a0c0c0b0a0b0b0d0e12100d0e110e0b0b1016101113141515150c0f171816141812141514ffdb00"
    "430103040405040509050509140d0b0d141414141414141414141414141414141414141414141414141414141414"
    "1414141414141414141414141414141414141414ffc20011080010001003012200021101031101ffc40015000101"
    "00000000000000000000000000000607ffc4001501010100000000000000000000000000000103ffda000c030100"
    "02100310000001953362cea7ffc400161000030000000000000000000000000000000405ffda0008010100010502"
    "5650a4a14942b28fffc4001811000203000000000000000000000000000005062131ffda0008010301013f018dbe"
    "cb3fffc40017110003010000000000000000000000000000040561ffda0008010201013f0172c69fffc400151001"
    "0100000000000000000000000000000031ffda0008010100063f028888ffc4001510010100000000000000000000"
    "000000000031ffda0008010100013f219b162cdfffda000c030100020003000000100bffc4001511010100000000"
    "0000000000000000000000a1ffda0008010301013f109effc4001511010100000000000000000000000000000031"
    "ffda0008010201013f10b1ffc40015100101000000000000000000000000000000f1ffda0008010100013f109484"
    "8494ffd9";
constexpr const char* cmyk_jpeg =
    "ffd8ffee000e41646f626500640000000000ffdb004300100b0c0e0c0a100e0d0e1211101318281a181616183123"
    "251d283a333d3c3933383740485c4e404457453738506d51575f626768673e4d71797064785c656763ffc0001408"
    "00080008044311004d11005911004b1100ffc40014000100000000000000000000000000000006ffc40014100100"
    "000000000000000000000000000000ffda000e0443004d0059004b00003f00766c6258ffd9";

TEST(Jpeg, GreyAndColors) {
  const auto grey = picture_of(from_hex(grey_jpeg));
  ASSERT_TRUE(grey) << to_text(grey.error());
  EXPECT_EQ(grey->width, 16);
  EXPECT_EQ(grey->height, 8);
  EXPECT_EQ(grey->channels, 1);
  for (const float value : grey->values) ASSERT_EQ(srgb_byte(value), 100);
  const auto color = picture_of(from_hex(color_jpeg));
  ASSERT_TRUE(color);
  ASSERT_EQ(color->values.size(), 16U * 16 * 3);
  for (std::size_t i = 0; i < color->values.size(); i += 3) {
    ASSERT_NEAR(srgb_byte(color->values[i]), 200, 1);
    ASSERT_NEAR(srgb_byte(color->values[i + 1]), 60, 1);
    ASSERT_NEAR(srgb_byte(color->values[i + 2]), 30, 1);
  }
}

TEST(Jpeg, Progressive) {
  const auto file = from_hex(progressive_jpeg);
  const auto texture = decode_texture(bytes_of(file), "slope.jpg", true, megabyte);
  ASSERT_TRUE(texture) << to_text(texture.error());
  EXPECT_EQ(texture->format, trace::Texture::Format::srgb8);
  for (int y = 2; y < 14; ++y)
    for (int x = 2; x < 14; ++x) {
      const auto* texel = &texture->texels[static_cast<std::size_t>(y * 16 + x) * 4];
      EXPECT_NEAR(std::to_integer<int>(texel[0]), 16 * x, 16);
      EXPECT_NEAR(std::to_integer<int>(texel[1]), 16 * y, 16);
      EXPECT_EQ(texel[3], std::byte{255});
    }
}

TEST(Jpeg, ForPrintingIsRefused) {
  const auto picture = picture_of(from_hex(cmyk_jpeg));
  ASSERT_FALSE(picture);
  EXPECT_EQ(picture.error().code, Code::refused);
  EXPECT_NE(picture.error().what.find("CMYK"), std::string::npos);
}

TEST(Jpeg, CutOffIsAnError) {
  for (const char* digits : {grey_jpeg, color_jpeg, progressive_jpeg}) {
    const auto file = from_hex(digits);
    for (std::size_t size = 3; size + 2 < file.size(); ++size) {
      const auto picture = picture_of(file.substr(0, size));
      ASSERT_FALSE(picture) << size;
      ASSERT_EQ(picture.error().code, Code::data_invalid) << size;
    }
  }
}

TEST(Jpeg, TooLargeIsRefused) {
  const auto file = from_hex(grey_jpeg);
  EXPECT_EQ(decode_texture(bytes_of(file), "g", true, 16 * 8 * 4 - 1).error().code, Code::refused);
  EXPECT_TRUE(decode_texture(bytes_of(file), "g", true, 16 * 8 * 4));
}

// --- Radiance HDR

const std::string hdr_head = "#?RADIANCE\n# a comment\nEXPOSURE=2\nFORMAT=32-bit_rle_rgbe\n\n";

TEST(Hdr, PlainPixelsAndOldRuns) {
  const auto picture = picture_of(hdr_head + "-Y 1 +X 5\n" +
                                  std::string("\x80\x40\x20\x81\x01\x01\x01\x03\0\0\0\0", 12));
  ASSERT_TRUE(picture) << to_text(picture.error());
  std::vector<float> expected;
  for (int i = 0; i < 4; ++i) expected.insert(expected.end(), {1, 0.5F, 0.25F});
  expected.insert(expected.end(), {0, 0, 0});
  EXPECT_EQ(picture->values, expected);
}

TEST(Hdr, OldRunsOfMoreThan255) {
  const auto picture =
      picture_of(hdr_head + "-Y 1 +X 259\n" + std::string("\x80\x80\x80\x80\1\1\1\2\1\1\1\1", 12));
  ASSERT_TRUE(picture) << to_text(picture.error());
  EXPECT_EQ(picture->values, std::vector<float>(259 * 3, 0.5F));
}

TEST(Hdr, RunsOfChannels) {
  // 8 pixels: red a run of 8, green 3 plain and a run of 5, blue 8 plain, exponents a run.
  const std::string line = std::string("\2\2\0\x08", 4) + "\x88\x80" + "\x03\x01\x02\x03\x85\x10" +
                           std::string("\x08\0\1\2\3\4\5\6\7", 9) + "\x88\x88";
  const auto picture = picture_of(hdr_head + "-Y 2 +X 8\n" + line + line);
  ASSERT_TRUE(picture) << to_text(picture.error());
  ASSERT_EQ(picture->height, 2);
  for (int i = 0; i < 16; ++i) {
    const int x = i % 8;
    const auto* pixel = &picture->values[static_cast<std::size_t>(i) * 3];
    EXPECT_EQ(pixel[0], 128);
    EXPECT_EQ(pixel[1], static_cast<float>(x < 3 ? x + 1 : 16));
    EXPECT_EQ(pixel[2], static_cast<float>(x));
  }
}

TEST(Hdr, EveryOrderOfPixels) {
  const auto first_values = [](const std::string& size) {
    std::string pixels;
    for (const char value : {1, 2, 3, 4, 5, 6}) pixels += {value, 0, 0, static_cast<char>(136)};
    const auto picture = picture_of(hdr_head + size + "\n" + pixels);
    std::vector<int> reds;
    if (!picture || picture->width != 3 || picture->height != 2) return reds;
    for (std::size_t i = 0; i < 18; i += 3) reds.push_back(static_cast<int>(picture->values[i]));
    return reds;
  };
  EXPECT_EQ(first_values("-Y 2 +X 3"), (std::vector{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(first_values("+Y 2 +X 3"), (std::vector{4, 5, 6, 1, 2, 3}));
  EXPECT_EQ(first_values("-Y 2 -X 3"), (std::vector{3, 2, 1, 6, 5, 4}));
  EXPECT_EQ(first_values("+X 3 -Y 2"), (std::vector{1, 3, 5, 2, 4, 6}));
  EXPECT_EQ(first_values("-X 3 +Y 2"), (std::vector{6, 4, 2, 5, 3, 1}));
}

TEST(Hdr, BrokenFilesAreErrors) {
  const std::string pixel = "\x80\x40\x20\x81";
  for (const std::string& file :
       {std::string("#?RADIANCE\n"), hdr_head, hdr_head + "-Y 1 +X\n", hdr_head + "-Y 1 +Y 1\n",
        hdr_head + "-Y 0 +X 1\n", hdr_head + "-Y 1 +X 1 1\n" + pixel,
        hdr_head + "-Y 1 +X 99999999999\n", hdr_head + "-Y 1 +X 2\n" + pixel,
        hdr_head + "-Y 1 +X 2\n\1\1\1\1" + pixel,                       // repeats nothing
        hdr_head + "-Y 1 +X 2\n" + pixel + "\1\1\1\2",                  // beyond the line
        hdr_head + "-Y 1 +X 8\n" + std::string("\2\2\0\x07\x88\1", 6),  // another length
        hdr_head + "-Y 1 +X 8\n" + std::string("\2\2\0\x08\x89\1", 6),
        hdr_head + "-Y 1 +X 8\n" + std::string("\2\2\0\x08\0\1", 6)}) {
    const auto picture = picture_of(file);
    ASSERT_FALSE(picture) << file;
    EXPECT_EQ(picture.error().code, Code::data_invalid) << to_text(picture.error());
    EXPECT_EQ(picture.error().where, "studio");
  }
  EXPECT_EQ(picture_of("#?RADIANCE\nFORMAT=32-bit_rle_xyze\n\n-Y 1 +X 1\n" + pixel).error().code,
            Code::refused);
  EXPECT_EQ(picture_of(hdr_head + "-Y 65536 +X 65536\n").error().code, Code::refused);
  EXPECT_EQ(picture_of(hdr_head + "-Y 65537 +X 1\n").error().code, Code::refused);
}

}  // namespace
}  // namespace sovren::jobs
