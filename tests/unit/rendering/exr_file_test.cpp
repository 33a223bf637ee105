// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "jobs/rendering/picture.h"
#include "tests/unit/rendering/picture_files.h"

namespace sovren::jobs {
namespace {

constexpr std::int64_t megabyte = 1 << 20;

Result<Picture> picture_of(const ExrFile& file) {
  return decode_picture(bytes_of(exr_file(file)), "sky.exr");
}

std::vector<double> counting(int count, double from) {
  std::vector<double> values(static_cast<std::size_t>(count));
  std::iota(values.begin(), values.end(), from);
  return values;
}

/// 2 x 1 pixels with these channels of their own numbers: 10, 11; 20, 21; ...
ExrFile two_pixels(const std::vector<std::string>& names) {
  ExrFile file{.data_window = {0, 0, 1, 0}, .display_window = {0, 0, 1, 0}};
  for (const std::string& name : names)
    file.channels.push_back(
        {.name = name,
         .values = counting(2, 10 * (static_cast<double>(file.channels.size()) + 1))});
  return file;
}

TEST(Exr, EveryTypeOfNumber) {
  ExrFile file = two_pixels({"B", "G", "R"});
  file.channels[0].type = ExrChannel::uint32;
  file.channels[0].values = {7, 70000};
  file.channels[1].type = ExrChannel::half;
  file.channels[1].values = {0.5, -2048};
  file.channels[2].values = {1e9, 0.25};
  const auto picture = picture_of(file);
  ASSERT_TRUE(picture) << to_text(picture.error());
  EXPECT_EQ(picture->channels, 3);
  EXPECT_EQ(picture->values, (std::vector<float>{1e9, 0.5, 7, 0.25, -2048, 70000}));
}

TEST(Exr, ChoosesThePicture) {
  const auto values = [](const std::vector<std::string>& names) {
    const auto picture = picture_of(two_pixels(names));
    return picture ? picture->values : std::vector<float>{};
  };
  using Values = std::vector<float>;
  EXPECT_EQ(values({"A", "B", "G", "R", "Z"}), (Values{40, 30, 20, 10, 41, 31, 21, 11}));
  EXPECT_EQ(values({"Y"}), (Values{10, 11}));
  EXPECT_EQ(values({"Z"}), (Values{10, 11}));
  EXPECT_EQ(values({"B", "G", "R", "albedo.B", "albedo.G", "albedo.R"}),
            (Values{30, 20, 10, 31, 21, 11}));
  EXPECT_EQ(values({"A.diffuse.B", "A.diffuse.G", "A.diffuse.R", "Z.Combined.A", "Z.Combined.B",
                    "Z.Combined.G", "Z.Combined.R"}),
            (Values{70, 60, 50, 40, 71, 61, 51, 41}));
  EXPECT_EQ(values({"n.X", "s.B", "s.G", "s.R"}), (Values{40, 30, 20, 41, 31, 21}));
}

TEST(Exr, WithoutPictureNamesWhatThereIs) {
  for (const auto& names : {std::vector<std::string>{"X", "Z"}, {"BY", "RY", "Y"}, {"R", "a.B"}}) {
    const auto picture = picture_of(two_pixels(names));
    ASSERT_FALSE(picture);
    EXPECT_EQ(picture.error().code, Code::refused);
    EXPECT_NE(picture.error().what.find(names[0] + ", " + names[1]), std::string::npos);
  }
}

TEST(Exr, TilesAreOnePicture) {
  const ExrFile file{.data_window = {0, 0, 4, 3},
                     .display_window = {0, 0, 4, 3},
                     .tile = 2,
                     .channels = {{.name = "Y", .values = counting(20, 0)}}};
  const auto picture = picture_of(file);
  ASSERT_TRUE(picture) << to_text(picture.error());
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(picture->values[static_cast<std::size_t>(i)], static_cast<float>(i));
}

TEST(Exr, ThePictureIsTheDisplayWindow) {
  // Data of 3 x 2 pixels, of which the last two columns of the last row are shown.
  const ExrFile file{.data_window = {-2, 4, 0, 5},
                     .display_window = {-1, 5, 1, 6},
                     .channels = {{.name = "Y", .values = counting(6, 1)}}};
  const auto picture = picture_of(file);
  ASSERT_TRUE(picture) << to_text(picture.error());
  EXPECT_EQ(picture->width, 3);
  EXPECT_EQ(picture->height, 2);
  EXPECT_EQ(picture->values, (std::vector<float>{5, 6, 0, 0, 0, 0}));
  ExrFile apart = file;
  apart.display_window = {10, 10, 11, 10};
  EXPECT_EQ(picture_of(apart)->values, (std::vector<float>{0, 0}));
}

TEST(Exr, TexturesAreFinite) {
  ExrFile file = two_pixels({"Y"});
  file.channels[0].values = {std::numeric_limits<double>::infinity(),
                             std::numeric_limits<double>::quiet_NaN()};
  const auto texture = decode_texture(bytes_of(exr_file(file)), "sky.exr", false, megabyte);
  ASSERT_TRUE(texture);
  EXPECT_EQ(texture->format, trace::Texture::Format::float32);
  const auto* values = reinterpret_cast<const float*>(texture->texels.data());
  EXPECT_EQ(std::vector<float>(values, values + 8),
            (std::vector<float>{65504, 65504, 65504, 1, 0, 0, 0, 1}));
}

TEST(Exr, CutOffAnywhereIsAnError) {
  const std::string file = exr_file(two_pixels({"B", "G", "R"}));
  for (std::size_t size = 4; size < file.size(); ++size) {
    const auto picture = decode_picture(bytes_of(file.substr(0, size)), "sky.exr");
    ASSERT_FALSE(picture) << size;
    ASSERT_EQ(picture.error().code, Code::data_invalid) << size;
    ASSERT_EQ(picture.error().where, "sky.exr");
  }
}

TEST(Exr, TooLargeIsRefused) {
  ExrFile file = two_pixels({"Y"});
  EXPECT_TRUE(decode_texture(bytes_of(exr_file(file)), "sky.exr", false, 32));
  EXPECT_EQ(decode_texture(bytes_of(exr_file(file)), "sky.exr", false, 31).error().code,
            Code::refused);
  file.display_window = {0, 0, 999, 999};  // of which there are two
  EXPECT_EQ(decode_texture(bytes_of(exr_file(file)), "sky.exr", false, megabyte).error().code,
            Code::refused);
}

TEST(Exr, AttributesOfAnotherLengthAreAnError) {
  const std::string file = exr_file(two_pixels({"Y"}));
  for (const char* type : {"chlist", "compression", "box2i", "lineOrder", "v2f", "float"})
    for (const char changed : {-1, 1, 100}) {
      std::string broken = file;
      const std::size_t size =
          broken.find(std::string(1, '\0') + type + '\0') + 2 + std::strlen(type);
      broken[size] = static_cast<char>(broken[size] + changed);
      const auto picture = decode_picture(bytes_of(broken), "sky.exr");
      ASSERT_FALSE(picture) << type << " " << int{changed};
      EXPECT_EQ(picture.error().code, Code::data_invalid) << type;
    }
}

TEST(Exr, HugeTilesAreRefused) {
  const ExrFile file{.data_window = {0, 0, 1, 0},
                     .display_window = {0, 0, 1, 0},
                     .tile = 0x4000,
                     .channels = {{.name = "Y", .values = counting(2, 0)}}};
  EXPECT_EQ(decode_texture(bytes_of(exr_file(file)), "sky.exr", false, megabyte).error().code,
            Code::refused);
}

TEST(Exr, HalfTheChannelsPixelsAreRefused) {
  const ExrFile file{.data_window = {0, 0, 1, 1},
                     .display_window = {0, 0, 1, 1},
                     .channels = {{.name = "Y", .values = counting(4, 0), .sampling = 2}}};
  EXPECT_EQ(picture_of(file).error().code, Code::refused);
}

Picture ramp(int width, int height, int channels, float step) {
  Picture picture{.width = width, .height = height, .channels = channels};
  picture.values.resize(static_cast<std::size_t>(width * height * channels));
  for (std::size_t i = 0; i < picture.values.size(); ++i)
    picture.values[i] = step * static_cast<float>(i);
  return picture;
}

TEST(ExrWriter, WhatIsWrittenIsRead) {
  const Picture beauty = ramp(20, 17, 4, 0.1F), depth = ramp(20, 17, 1, 1e6F);
  const std::vector<Layer> layers{
      {.name = "", .channels = {"R", "G", "B", "A"}, .picture = &beauty},
      {.name = "depth", .channels = {"V"}, .picture = &depth, .is_always_float = true}};
  const auto file = encode_exr(layers, false, {{"sovren:seed", "7"}});
  ASSERT_TRUE(file) << to_text(file.error());
  const auto picture = decode_picture(bytes_of(*file), "again");
  ASSERT_TRUE(picture) << to_text(picture.error());
  EXPECT_EQ(picture->channels, 4);
  EXPECT_EQ(picture->values, beauty.values);
  EXPECT_NE(file->find("sovren:seed"), std::string::npos);
  EXPECT_EQ(*file, *encode_exr(layers, false, {{"sovren:seed", "7"}}));
}

TEST(ExrWriter, HalvesAreNearAndFinite) {
  Picture picture = ramp(100, 1, 1, 0.037F);
  picture.values[0] = 1e6F;
  picture.values[1] = -1e6F;
  const std::vector<Layer> half{{.name = "", .channels = {"Y"}, .picture = &picture}};
  const auto file = encode_exr(half, true, {});
  ASSERT_TRUE(file);
  const auto again = decode_picture(bytes_of(*file), "again");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->values[0], 65504.0F);
  EXPECT_EQ(again->values[1], -65504.0F);
  for (std::size_t i = 2; i < 100; ++i)
    ASSERT_NEAR(again->values[i], picture.values[i], picture.values[i] / 2048);
  const std::vector<Layer> full{
      {.name = "", .channels = {"Y"}, .picture = &picture, .is_always_float = true}};
  EXPECT_EQ(decode_picture(bytes_of(*encode_exr(full, true, {})), "again")->values, picture.values);
}

TEST(ExrWriter, LayersHaveTheirNames) {
  const Picture color = ramp(2, 2, 3, 1), one = ramp(2, 2, 1, 5);
  const std::vector<Layer> layers{
      {.name = "albedo", .channels = {"R", "G", "B"}, .picture = &color},
      {.name = "normal", .channels = {"X", "Y", "Z"}, .picture = &color},
      {.name = "samples", .channels = {"V"}, .picture = &one}};
  const auto file = encode_exr(layers, false, {});
  ASSERT_TRUE(file);
  for (const char* name : {"albedo.R", "normal.X", "samples"})
    EXPECT_NE(file->find(std::string(name) + '\0'), std::string::npos) << name;
  EXPECT_EQ(decode_picture(bytes_of(*file), "again")->values, color.values);  // albedo's
}

TEST(ExrWriter, NamesOfTheFormatAreRefused) {
  const Picture one = ramp(1, 1, 1, 1);
  const std::vector<Layer> layers{{.name = "", .channels = {"Y"}, .picture = &one}};
  const auto file = encode_exr(layers, false, {{"compression", "none"}});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, Code::refused);
}

}  // namespace
}  // namespace sovren::jobs
