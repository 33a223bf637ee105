// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "jobs/rendering/picture.h"
#include "jobs/rendering/srgb.h"
#include "tests/unit/rendering/picture_files.h"

namespace sovren::jobs {
namespace {

using trace::Texture;

constexpr std::int64_t megabyte = 1 << 20;

Result<Texture> texture_of(const std::string& file, bool is_color = false) {
  return decode_texture(bytes_of(file), "wood.png", is_color, megabyte);
}

std::vector<int> texels_of(const Texture& texture) {
  std::vector<int> texels;
  for (const std::byte byte : texture.texels) texels.push_back(std::to_integer<int>(byte));
  return texels;
}

TEST(Png, ColorsAndDataKeepTheirBytes) {
  const auto file = png_file({.width = 2, .height = 1, .rows = "\x01\x02\x03\xfd\xfe\xff"});
  const auto data = texture_of(file, false), color = texture_of(file, true);
  ASSERT_TRUE(data && color);
  EXPECT_EQ(data->format, Texture::Format::linear8);
  EXPECT_EQ(color->format, Texture::Format::srgb8);
  EXPECT_EQ(data->width, 2);
  EXPECT_EQ(data->height, 1);
  EXPECT_EQ(data->name, "wood.png");
  EXPECT_EQ(texels_of(*data), (std::vector{1, 2, 3, 255, 253, 254, 255, 255}));
  EXPECT_EQ(data->texels, color->texels);
}

TEST(Png, PaletteWithTransparency) {
  const auto file = png_file(
      {.width = 3,
       .height = 1,
       .depth = 2,
       .color = PngFile::palette,
       .before = chunk("PLTE", std::string("\x0a\x14\x1e\x28\x32\x3c", 6)) + chunk("tRNS", "\x80"),
       .rows = std::string("\x10", 1)});  // 0, 1, 0
  const auto texture = texture_of(file);
  ASSERT_TRUE(texture) << to_text(texture.error());
  EXPECT_EQ(texels_of(*texture), (std::vector{10, 20, 30, 128, 40, 50, 60, 255, 10, 20, 30, 128}));
}

TEST(Png, GreyOfOneBit) {
  const auto file =
      png_file({.width = 9, .height = 1, .depth = 1, .color = PngFile::grey, .rows = "\xa0\x80"});
  const auto picture = decode_picture(bytes_of(file), "grey");
  ASSERT_TRUE(picture);
  EXPECT_EQ(picture->channels, 1);
  EXPECT_EQ(picture->values, (std::vector<float>{1, 0, 1, 0, 0, 0, 0, 0, 1}));
}

TEST(Png, GreyWithAlphaBecomesFourChannels) {
  const auto file =
      png_file({.width = 1, .height = 1, .color = PngFile::grey_alpha, .rows = "\x40\x80"});
  const auto texture = texture_of(file);
  ASSERT_TRUE(texture);
  EXPECT_EQ(texels_of(*texture), (std::vector{64, 64, 64, 128}));
}

TEST(Png, SixteenBitsBecomeFloats) {
  const auto file = png_file({.width = 1,
                              .height = 1,
                              .depth = 16,
                              .color = PngFile::rgba,
                              .rows = std::string("\x80\x00\x00\x01\xff\xff\x40\x00", 8)});
  for (const bool is_color : {false, true}) {
    const auto texture = texture_of(file, is_color);
    ASSERT_TRUE(texture);
    EXPECT_EQ(texture->format, Texture::Format::float32);
    const auto* values = reinterpret_cast<const float*>(texture->texels.data());
    const auto expected = [&](double value) {
      return static_cast<float>(is_color ? linear_of_srgb(value / 65535) : value / 65535);
    };
    EXPECT_EQ(values[0], expected(0x8000));
    EXPECT_EQ(values[1], expected(1));
    EXPECT_EQ(values[2], 1.0F);
    EXPECT_EQ(values[3], 16384.0F / 65535.0F);  // alpha is never encoded
  }
}

TEST(Png, InterlacedRowsComeInOrder) {
  // 3 x 3, Adam7: pass 1: (0,0); 4: (2,0); 5: (0,2) (2,2); 6: (1,0), (1,2); 7: row 1.
  const auto file = png_file({.width = 3,
                              .height = 3,
                              .color = PngFile::grey,
                              .is_interlaced = true,
                              .rows = std::string("\x00\x02\x06\x08\x01\x07\x03\x04\x05", 9)},
                             {1, 1, 2, 1, 1, 3});
  const auto texture = texture_of(file);
  ASSERT_TRUE(texture) << to_text(texture.error());
  for (int i = 0; i < 9; ++i)
    EXPECT_EQ(std::to_integer<int>(texture->texels[static_cast<std::size_t>(4 * i)]), i);
}

TEST(Png, GammaIsLeftOutOfAccount) {
  const auto file = png_file({.width = 1,
                              .height = 1,
                              .before = chunk("gAMA", std::string("\x00\x01\x86\xa0", 4)),  // 1.0
                              .rows = "\x80\x80\x80"});
  const auto texture = texture_of(file, true);
  ASSERT_TRUE(texture);
  EXPECT_EQ(texels_of(*texture), (std::vector{128, 128, 128, 255}));
}

TEST(Png, CutOffAnywhereIsAnError) {
  const auto file = png_file({.width = 2, .height = 2, .rows = "abcdefghijkl"});
  ASSERT_TRUE(texture_of(file));
  for (std::size_t size = 0; size < file.size(); ++size) {
    const auto texture = texture_of(file.substr(0, size));
    ASSERT_FALSE(texture) << size;
    EXPECT_EQ(texture.error().code, Code::data_invalid) << size;
    EXPECT_EQ(texture.error().where, "wood.png");
  }
}

TEST(Png, WrongChecksumIsAnError) {
  auto file = png_file({.width = 2, .height = 2, .rows = "abcdefghijkl"});
  file[file.find("IDAT") + 12] ^= 1;
  EXPECT_EQ(texture_of(file).error().code, Code::data_invalid);
}

TEST(Png, TooLargeIsRefusedBeforeItIsRead) {
  const auto file = png_file({.width = 1024, .height = 257, .rows = std::string(257, '\0')});
  const auto texture = texture_of(file);
  ASSERT_FALSE(texture);
  EXPECT_EQ(texture.error().code, Code::refused);
  EXPECT_NE(texture.error().what.find("1024 x 257"), std::string::npos);
  const auto huge = png_file({.width = 0x7fffffff, .height = 0x7fffffff, .rows = ""}, {});
  EXPECT_EQ(decode_picture(bytes_of(huge), "huge").error().code, Code::refused);
}

TEST(Png, OtherFilesAreNamed) {
  const auto nothing = texture_of(""), text = texture_of("GIF89a");
  EXPECT_EQ(nothing.error().what, "the file is empty");
  EXPECT_EQ(text.error().what, "is no picture of a kind that is read");
  EXPECT_NE(text.error().hint.find("OpenEXR"), std::string::npos);
}

TEST(Png, EveryByteComesBack) {
  Picture picture{.width = 256, .height = 1, .channels = 4};
  for (int i = 0; i < 256; ++i) {
    const auto linear = static_cast<float>(linear_of_srgb(i / 255.0));
    picture.values.insert(picture.values.end(), {linear, linear, linear, i / 255.0F});
  }
  const auto file = encode_png(picture);
  ASSERT_TRUE(file);
  EXPECT_NE(file->find("sRGB"), std::string::npos);
  const auto texture = texture_of(*file, true);
  ASSERT_TRUE(texture);
  for (std::size_t i = 0; i < 1024; ++i)
    ASSERT_EQ(std::to_integer<std::size_t>(texture->texels[i]), i / 4) << i;
  const auto again = decode_picture(bytes_of(*file), "again");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->values, picture.values);
  EXPECT_EQ(*encode_png(*again), *file);
}

TEST(Png, ClipsAndHasNoNumberForNaN) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float inf = std::numeric_limits<float>::infinity();
  const Picture picture{
      .width = 2, .height = 1, .channels = 4, .values = {-1, 2, nan, nan, inf, -inf, 1, 7}};
  const auto texture = texture_of(*encode_png(picture));
  ASSERT_TRUE(texture);
  EXPECT_EQ(texels_of(*texture), (std::vector{0, 255, 0, 0, 255, 0, 255, 255}));
}

TEST(Png, GreyAndColorsAreWritten) {
  const Picture grey{.width = 1, .height = 2, .channels = 1, .values = {0, 1}};
  const auto again = decode_picture(bytes_of(*encode_png(grey)), "grey");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->channels, 1);
  EXPECT_EQ(again->values, grey.values);
  const Picture colors{.width = 1, .height = 1, .channels = 3, .values = {0, 1, 0}};
  EXPECT_EQ(decode_picture(bytes_of(*encode_png(colors)), "rgb")->values, colors.values);
}

TEST(Srgb, IsAsTheStandardHasIt) {
  EXPECT_EQ(linear_of_srgb(0), 0);
  EXPECT_NEAR(linear_of_srgb(1), 1, 1e-15);
  for (int i = 0; i <= 1000; ++i) {
    const double encoded = i / 1000.0;
    const double by_pow =
        encoded <= 0.04045 ? encoded / 12.92 : std::pow((encoded + 0.055) / 1.055, 2.4);
    ASSERT_NEAR(linear_of_srgb(encoded), by_pow, 2e-16 + 1e-15 * by_pow);
    ASSERT_NEAR(srgb_of_linear(by_pow), encoded, 2e-7);  // the standard's two pieces do not meet
  }
}

TEST(Srgb, BytesAreTheNearest) {
  for (int i = 0; i <= 20000; ++i) {
    const auto linear = static_cast<float>(i / 20000.0);
    const double exact = 255 * srgb_of_linear(linear);
    ASSERT_NEAR(srgb_byte(linear), exact, 0.5 + 1e-4) << linear;
  }
}

}  // namespace
}  // namespace sovren::jobs
