// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/rendering/picture_files.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

namespace sovren::jobs {

namespace {

template <class Number>
std::string little(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

std::string big(std::uint32_t number) {
  std::string bytes = little(number);
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

std::uint32_t crc32(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<std::uint8_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t a = 1, b = 0;
  for (const char byte : bytes) {
    a = (a + static_cast<std::uint8_t>(byte)) % 65521;
    b = (b + a) % 65521;
  }
  return b << 16 | a;
}

/// One stored block; bytes are fewer than 65536.
std::string zlib_stored(std::string_view bytes) {
  const auto size = static_cast<std::uint16_t>(bytes.size());
  std::string out = "\x78\x01\x01";
  out += little(size) + little(static_cast<std::uint16_t>(~size));
  out += bytes;
  return out + big(adler32(bytes));
}

/// Of numbers that half has exactly.
std::uint16_t half_bits(double value) {
  if (value == 0) return 0;
  if (std::isinf(value)) return 0x7c00;
  int exponent = 0;
  const double fraction = std::frexp(std::fabs(value), &exponent);  // 0.5 to 1
  const auto mantissa = static_cast<int>(fraction * 2048) - 1024;
  return static_cast<std::uint16_t>((value < 0 ? 0x8000 : 0) | (exponent + 14) << 10 | mantissa);
}

std::string number_bytes(ExrChannel::Type type, double value) {
  switch (type) {
    case ExrChannel::uint32:
      return little(static_cast<std::uint32_t>(value));
    case ExrChannel::half:
      return little(half_bits(value));
    case ExrChannel::float32:
      break;
  }
  return little(static_cast<float>(value));
}

std::string attribute(std::string_view name, std::string_view type, const std::string& data) {
  std::string out(name);
  out += '\0';
  out += type;
  out += '\0';
  return out + little(static_cast<std::int32_t>(data.size())) + data;
}

std::string channel_list(const ExrFile& picture) {
  std::string list;
  for (const ExrChannel& channel : picture.channels) {
    list += channel.name + '\0' + little<std::int32_t>(channel.type) + std::string(4, '\0');
    list += little<std::int32_t>(channel.sampling) + little<std::int32_t>(channel.sampling);
  }
  return list + '\0';
}

std::string window(const std::array<int, 4>& box) {
  return little(box[0]) + little(box[1]) + little(box[2]) + little(box[3]);
}

std::string exr_header(const ExrFile& picture) {
  std::string head = little<std::uint32_t>(20000630);
  head += little<std::uint32_t>(picture.tile > 0 ? 2 | 0x200 : 2);
  head += attribute("channels", "chlist", channel_list(picture));
  head += attribute("compression", "compression", std::string(1, '\0'));
  head += attribute("dataWindow", "box2i", window(picture.data_window));
  head += attribute("displayWindow", "box2i", window(picture.display_window));
  head += attribute("lineOrder", "lineOrder", std::string(1, '\0'));
  head += attribute("pixelAspectRatio", "float", little(1.0F));
  head += attribute("screenWindowCenter", "v2f", little(0.0F) + little(0.0F));
  head += attribute("screenWindowWidth", "float", little(1.0F));
  if (picture.tile > 0)
    head += attribute("tiles", "tiledesc",
                      little(picture.tile) + little(picture.tile) + std::string(1, '\0'));
  return head + '\0';
}

/// Rows y0 to y1 and columns x0 to x1, counted from the data window's corner.
std::string rows_of(const ExrFile& picture, int width, int x0, int x1, int y0, int y1) {
  std::string data;
  for (int y = y0; y < y1; ++y)
    for (const ExrChannel& channel : picture.channels)
      for (int x = x0; x < x1; ++x)
        data += number_bytes(channel.type, channel.values[static_cast<std::size_t>(y * width + x)]);
  return little(static_cast<std::int32_t>(data.size())) + data;
}

std::vector<std::string> exr_chunks(const ExrFile& picture) {
  const auto& box = picture.data_window;
  const int width = box[2] - box[0] + 1, height = box[3] - box[1] + 1;
  std::vector<std::string> chunks;
  if (picture.tile == 0) {
    for (int y = 0; y < height; ++y)
      chunks.push_back(little(box[1] + y) + rows_of(picture, width, 0, width, y, y + 1));
    return chunks;
  }
  for (int y = 0; y < height; y += picture.tile)
    for (int x = 0; x < width; x += picture.tile)
      chunks.push_back(little(x / picture.tile) + little(y / picture.tile) + little(0) + little(0) +
                       rows_of(picture, width, x, std::min(width, x + picture.tile), y,
                               std::min(height, y + picture.tile)));
  return chunks;
}

}  // namespace

std::span<const std::byte> bytes_of(std::string_view file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}

std::string chunk(std::string_view type, std::string_view data) {
  const std::string body = std::string(type) + std::string(data);
  return big(static_cast<std::uint32_t>(data.size())) + body + big(crc32(body));
}

std::string png_file(const PngFile& picture, const std::vector<std::size_t>& row_lengths) {
  std::string data;
  std::size_t position = 0;
  for (const std::size_t length : row_lengths) {
    data += '\0' + picture.rows.substr(position, length);
    position += length;
  }
  std::string header = big(picture.width) + big(picture.height);
  header += {static_cast<char>(picture.depth), static_cast<char>(picture.color), 0, 0,
             static_cast<char>(picture.is_interlaced ? 1 : 0)};
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", header) + picture.before +
         chunk("IDAT", zlib_stored(data)) + chunk("IEND", "");
}

std::string png_file(const PngFile& picture) {
  return png_file(picture,
                  std::vector<std::size_t>(picture.height, picture.rows.size() / picture.height));
}

std::string exr_file(const ExrFile& picture) {
  const std::vector<std::string> chunks = exr_chunks(picture);
  std::string file = exr_header(picture);
  std::uint64_t offset = file.size() + 8 * chunks.size();
  for (const std::string& part : chunks) {
    file += little(offset);
    offset += part.size();
  }
  for (const std::string& part : chunks) file += part;
  return file;
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    std::uint8_t byte = 0;
    std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

}  // namespace sovren::jobs
