// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/picture.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <utility>

#include "jobs/rendering/pixels.h"
#include "jobs/rendering/srgb.h"

namespace sovren::jobs {

namespace {

using trace::Texture;

bool begins_with(std::span<const std::byte> file, std::string_view text) {
  return file.size() >= text.size() && std::memcmp(file.data(), text.data(), text.size()) == 0;
}

Result<Pixels> decode(const PictureFile& file) {
  if (begins_with(file.bytes, "\x89PNG\r\n\x1a\n")) return decode_png(file);
  if (begins_with(file.bytes, "\xff\xd8\xff")) return decode_jpeg(file);
  if (begins_with(file.bytes, "\x76\x2f\x31\x01")) return decode_exr(file);
  if (begins_with(file.bytes, "#?")) return decode_hdr(file);
  Error error = broken_picture(
      file, file.bytes.empty() ? "the file is empty" : "is no picture of a kind that is read");
  error.hint = "allowed: PNG, JPEG, Radiance HDR, OpenEXR";
  return fail(std::move(error));
}

/// Whole numbers up to steps, as linear numbers.
std::vector<float> values_of(int steps, bool is_srgb) {
  std::vector<float> values(static_cast<std::size_t>(steps) + 1);
  for (int i = 0; i <= steps; ++i) {
    const double value = static_cast<double>(i) / steps;
    values[static_cast<std::size_t>(i)] =
        static_cast<float>(is_srgb ? linear_of_srgb(value) : value);
  }
  return values;
}

template <class Number>
std::vector<float> looked_up(const Pixels& pixels, bool is_srgb) {
  constexpr int steps = (1 << (8 * sizeof(Number))) - 1;
  const std::vector<float> color = values_of(steps, is_srgb), plain = values_of(steps, false);
  const auto* const numbers = reinterpret_cast<const Number*>(pixels.data.data());
  std::vector<float> values(pixels.data.size() / sizeof(Number));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool is_alpha = pixels.channels == 4 && i % 4 == 3;
    values[i] = (is_alpha ? plain : color)[numbers[i]];
  }
  return values;
}

std::vector<float> floats_of(const Pixels& pixels, bool is_srgb) {
  if (pixels.depth == Pixels::Depth::bits8) return looked_up<std::uint8_t>(pixels, is_srgb);
  if (pixels.depth == Pixels::Depth::bits16) return looked_up<std::uint16_t>(pixels, is_srgb);
  std::vector<float> values(pixels.data.size() / sizeof(float));
  std::memcpy(values.data(), pixels.data.data(), pixels.data.size());
  return values;
}

/// Four channels from 1, 3 or 4; grey is in the first three, alpha is opaque where there is none.
template <class Number>
std::vector<std::byte> with_four_channels(const Number* from, std::size_t pixels, int channels,
                                          Number opaque) {
  std::vector<std::byte> bytes(pixels * 4 * sizeof(Number));
  auto* to = reinterpret_cast<Number*>(bytes.data());
  const std::size_t step = channels == 1 ? 0 : 1;
  for (std::size_t i = 0; i < pixels; ++i, to += 4, from += channels) {
    for (std::size_t c = 0; c < 3; ++c) to[c] = from[c * step];
    to[3] = channels == 4 ? from[3] : opaque;
  }
  return bytes;
}

float made_finite(float value) {
  constexpr float largest = 65504;  // of half
  if (std::isnan(value)) return 0;
  return std::isinf(value) ? std::copysign(largest, value) : value;
}

}  // namespace

Result<Texture> decode_texture(std::span<const std::byte> file, std::string_view name,
                               bool is_color, std::int64_t bytes_max) {
  SOVREN_TRY(pixels, decode({file, name, bytes_max}));
  Texture texture;
  texture.name = name;
  texture.width = pixels.width;
  texture.height = pixels.height;
  const std::size_t count =
      static_cast<std::size_t>(pixels.width) * static_cast<std::size_t>(pixels.height);
  if (pixels.depth == Pixels::Depth::bits8) {
    texture.format = is_color ? Texture::Format::srgb8 : Texture::Format::linear8;
    texture.texels = pixels.channels == 4 ? std::move(pixels.data)
                                          : with_four_channels(pixels.data.data(), count,
                                                               pixels.channels, std::byte{255});
    return texture;
  }
  texture.format = Texture::Format::float32;
  std::vector<float> values = floats_of(pixels, is_color && pixels.depth == Pixels::Depth::bits16);
  pixels.data = {};
  std::transform(values.begin(), values.end(), values.begin(), made_finite);
  texture.texels = with_four_channels(values.data(), count, pixels.channels, 1.0F);
  return texture;
}

Result<Picture> decode_picture(std::span<const std::byte> file, std::string_view name) {
  SOVREN_TRY(pixels, decode({file, name, picture_bytes_max}));
  return Picture{.width = pixels.width,
                 .height = pixels.height,
                 .channels = pixels.channels,
                 .values = floats_of(pixels, pixels.depth != Pixels::Depth::float32)};
}

}  // namespace sovren::jobs
