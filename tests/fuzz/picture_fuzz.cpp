// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture, as a texture and as numbers; chunks of a PNG are given the checksums that
// they ought to have. What was read as numbers is written and read again.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/check.h"
#include "jobs/rendering/picture.h"

namespace {

using namespace sovren;

constexpr std::int64_t bytes_max = 1 << 20;

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

void mend_checksums(std::vector<std::uint8_t>& file) {
  if (file.size() < 8 || file[0] != 0x89 || file[1] != 'P') return;
  for (std::size_t at = 8; at + 12 <= file.size();) {
    const std::size_t size = std::size_t{file[at]} << 24 | std::size_t{file[at + 1]} << 16 |
                             std::size_t{file[at + 2]} << 8 | file[at + 3];
    if (size > file.size() - at - 12) return;
    const std::uint32_t crc = crc32(std::span(file).subspan(at + 4, size + 4));
    for (int i = 0; i < 4; ++i)
      file[at + 8 + size + static_cast<std::size_t>(i)] =
          static_cast<std::uint8_t>(crc >> (24 - 8 * i));
    at += size + 12;
  }
}

void check_written(const jobs::Picture& picture) {
  const auto channels = picture.channels == 1   ? std::vector<std::string>{"Y"}
                        : picture.channels == 3 ? std::vector<std::string>{"R", "G", "B"}
                                                : std::vector<std::string>{"R", "G", "B", "A"};
  const jobs::Layer layer{.name = "", .channels = channels, .picture = &picture};
  const auto file = jobs::encode_exr(std::span(&layer, 1), false, {});
  SOVREN_CHECK(file.has_value(), "a picture can be written");
  const auto again = jobs::decode_picture(std::as_bytes(std::span(*file)), "again");
  const auto is_same = [](float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); };
  SOVREN_CHECK(again && std::ranges::equal(again->values, picture.values, is_same),
               "what was written is read");
  SOVREN_CHECK(jobs::encode_png(picture).has_value(), "a picture can be a PNG");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> input(data, data + size);
  mend_checksums(input);
  const auto file = std::as_bytes(std::span(input));
  const auto texture = jobs::decode_texture(file, "texture", (size & 1) != 0, bytes_max);
  if (!texture) return 0;
  const std::size_t texel = texture->format == trace::Texture::Format::float32 ? 16 : 4;
  SOVREN_CHECK(texture->texels.size() == texel * static_cast<std::size_t>(texture->width) *
                                             static_cast<std::size_t>(texture->height),
               "a texture has all its texels");
  SOVREN_CHECK(static_cast<std::int64_t>(texture->texels.size()) <= bytes_max,
               "a texture is as small as was asked for");
  const auto picture = jobs::decode_picture(file, "picture");
  SOVREN_CHECK(picture.has_value(), "a texture is a picture");
  check_written(*picture);
  return 0;
}
