// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/pixels.h"

#include <utility>

#include "jobs/rendering/picture.h"

namespace sovren::jobs {

std::size_t bytes_of(Pixels::Depth depth) {
  switch (depth) {
    case Pixels::Depth::bits8:
      return 1;
    case Pixels::Depth::bits16:
      return 2;
    case Pixels::Depth::float32:
      break;
  }
  return 4;
}

Error broken_picture(const PictureFile& file, std::string what) {
  return {.code = Code::data_invalid,
          .what = std::move(what),
          .hint = "",
          .where = std::string(file.name)};
}

Error refused_picture(const PictureFile& file, std::string what, std::string hint) {
  return {.code = Code::refused,
          .what = std::move(what),
          .hint = std::move(hint),
          .where = std::string(file.name)};
}

Result<void> check_size(const PictureFile& file, std::int64_t width, std::int64_t height,
                        Pixels::Depth depth) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  if (width < 1 || height < 1) return fail(broken_picture(file, "a picture of " + size));
  if (width > picture_side_max || height > picture_side_max)
    return fail(refused_picture(
        file, size + " are too many (allowed: " + std::to_string(picture_side_max) + " a side)",
        "make the picture smaller"));
  const std::int64_t bytes = width * height * (depth == Pixels::Depth::bits8 ? 4 : 16);
  if (bytes > file.bytes_max)
    return fail(refused_picture(file,
                                size + " need " + std::to_string(bytes) +
                                    " bytes (allowed: " + std::to_string(file.bytes_max) + ")",
                                "make the picture smaller"));
  return {};
}

Result<Pixels> make_pixels(const PictureFile& file, std::int64_t width, std::int64_t height,
                           int channels, Pixels::Depth depth) {
  SOVREN_DO(check_size(file, width, height, depth));
  Pixels pixels{.width = static_cast<int>(width),
                .height = static_cast<int>(height),
                .channels = channels,
                .depth = depth};
  pixels.data.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                     static_cast<std::size_t>(channels) * bytes_of(depth));
  return pixels;
}

}  // namespace sovren::jobs
