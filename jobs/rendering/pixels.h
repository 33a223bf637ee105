// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::jobs {

/// What a picture's file holds, before anyone says what it is for: rows from the top, channels side
/// by side (1: grey, 3 or 4), numbers as the file has them (sRGB is not decoded).
struct Pixels {
  enum class Depth { bits8, bits16, float32 };
  int width = 0, height = 0, channels = 3;
  Depth depth = Depth::bits8;
  std::vector<std::byte> data;  ///< bytes, std::uint16_t or floats
};

/// A file to decode: name is for messages; bytes_max bounds the decoded picture with four channels
/// (16 bits become floats).
struct PictureFile {
  std::span<const std::byte> bytes;
  std::string_view name;
  std::int64_t bytes_max = 0;
};

// One for each format; picture.cpp chooses. Errors: data_invalid (cut off, broken), refused (too
// large, or in a form that is not read).
Result<Pixels> decode_png(const PictureFile& file);
Result<Pixels> decode_jpeg(const PictureFile& file);
Result<Pixels> decode_hdr(const PictureFile& file);
Result<Pixels> decode_exr(const PictureFile& file);

std::size_t bytes_of(Pixels::Depth depth);
/// Data for width x height pixels; the size is checked first: refused when too large, before
/// anything is allocated. width and height are those of the file, of any value.
Result<Pixels> make_pixels(const PictureFile& file, std::int64_t width, std::int64_t height,
                           int channels, Pixels::Depth depth);
/// make_pixels()' check alone.
Result<void> check_size(const PictureFile& file, std::int64_t width, std::int64_t height,
                        Pixels::Depth depth);

Error broken_picture(const PictureFile& file, std::string what);
Error refused_picture(const PictureFile& file, std::string what, std::string hint);

}  // namespace sovren::jobs
