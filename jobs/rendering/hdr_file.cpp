// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <optional>

#include "jobs/rendering/pixels.h"

namespace sovren::jobs {

namespace {

/// Source: Ward, Real Pixels (Graphics Gems II, 1991), and the Radiance file format's description.
/// EXPOSURE is left out of account, as in all renderers that we know.

/// The picture's size, and how its scan lines lie in it.
struct Lines {
  int count = 0, length = 0;
  bool are_columns = false;
  bool from_right = false, from_bottom = false;
};

struct Cursor {
  std::span<const std::byte> rest;

  std::optional<std::string_view> line() {
    const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    rest = rest.subspan(end + 1);
    std::string_view found = text.substr(0, end);
    if (found.ends_with('\r')) found.remove_suffix(1);
    return found;
  }
};

/// One half of "-Y 512 +X 1024".
struct Axis {
  char sign = 0, name = 0;
  int size = 0;
};

std::optional<Axis> cut_axis(std::string_view& text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (text.size() < 4 || text[2] != ' ') return std::nullopt;
  Axis axis{text[0], text[1], 0};
  const auto [end, error] = std::from_chars(text.data() + 3, text.data() + text.size(), axis.size);
  const bool is_one = error == std::errc{} && (axis.sign == '+' || axis.sign == '-') &&
                      (axis.name == 'X' || axis.name == 'Y') && axis.size > 0;
  if (!is_one) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return axis;
}

std::optional<Lines> lines_of(std::string_view text) {
  const auto outer = cut_axis(text);
  const auto inner = outer ? cut_axis(text) : std::nullopt;
  if (!inner || inner->name == outer->name || text.find_first_not_of(' ') != text.npos)
    return std::nullopt;
  const Axis& x = outer->name == 'X' ? *outer : *inner;
  const Axis& y = outer->name == 'X' ? *inner : *outer;
  return Lines{.count = outer->size,
               .length = inner->size,
               .are_columns = outer->name == 'X',
               .from_right = x.sign == '-',
               .from_bottom = y.sign == '+'};  // Y counts up from the bottom
}

Result<Lines> read_head(const PictureFile& file, Cursor& cursor) {
  bool is_known = true;
  std::string format;
  for (;;) {
    const auto line = cursor.line();
    if (!line) return fail(broken_picture(file, "broken HDR: its header has no end"));
    if (line->empty()) break;
    if (!line->starts_with("FORMAT=")) continue;
    format = line->substr(7);
    is_known = format == "32-bit_rle_rgbe";
  }
  if (!is_known)
    return fail(refused_picture(file, "an HDR picture in the format '" + format + "'",
                                "allowed: 32-bit_rle_rgbe"));
  const auto size = cursor.line();
  const auto lines = size ? lines_of(*size) : std::nullopt;
  if (!lines)
    return fail(broken_picture(file, "broken HDR: its size is not written as '-Y 512 +X 1024'"));
  return *lines;
}

using Rgbe = std::array<std::uint8_t, 4>;

/// The coding of each channel by itself: counts up to 128 of plain bytes, above of one byte.
bool read_channels(Cursor& cursor, std::span<Rgbe> line) {
  for (std::size_t channel = 0; channel < 4; ++channel) {
    for (std::size_t x = 0; x < line.size();) {
      if (cursor.rest.size() < 2) return false;
      std::size_t count = std::to_integer<std::size_t>(cursor.rest[0]);
      const bool is_run = count > 128;
      if (is_run) count -= 128;
      const std::size_t bytes = is_run ? 1 : count;
      if (count == 0 || count > line.size() - x || cursor.rest.size() < 1 + bytes) return false;
      for (std::size_t i = 0; i < count; ++i, ++x)
        line[x][channel] = std::to_integer<std::uint8_t>(cursor.rest[is_run ? 1 : 1 + i]);
      cursor.rest = cursor.rest.subspan(1 + bytes);
    }
  }
  return true;
}

/// Pixels one by one; (1, 1, 1, n) repeats the last n times, and 256 n times after another such.
bool read_pixels(Cursor& cursor, std::span<Rgbe> line) {
  int shift = 0;
  for (std::size_t x = 0; x < line.size();) {
    Rgbe pixel{};
    if (cursor.rest.size() < pixel.size()) return false;
    std::memcpy(pixel.data(), cursor.rest.data(), pixel.size());
    cursor.rest = cursor.rest.subspan(pixel.size());
    if (pixel[0] != 1 || pixel[1] != 1 || pixel[2] != 1) {
      line[x++] = pixel;
      shift = 0;
      continue;
    }
    const std::size_t count = std::size_t{pixel[3]} << shift;
    if (x == 0 || shift > 16 || count > line.size() - x) return false;
    for (std::size_t i = 0; i < count; ++i, ++x) line[x] = line[x - 1];
    shift += 8;
  }
  return true;
}

bool read_line(Cursor& cursor, std::span<Rgbe> line) {
  const auto byte = [&](std::size_t i) { return std::to_integer<std::size_t>(cursor.rest[i]); };
  const bool is_by_channel = line.size() >= 8 && line.size() < 32768 && cursor.rest.size() >= 4 &&
                             byte(0) == 2 && byte(1) == 2 && byte(2) < 128;
  if (!is_by_channel) return read_pixels(cursor, line);
  if (byte(2) * 256 + byte(3) != line.size()) return false;
  cursor.rest = cursor.rest.subspan(4);
  return read_channels(cursor, line);
}

void decode_pixel(const Rgbe& pixel, float* rgb) {
  const float unit = pixel[3] == 0 ? 0 : std::ldexp(1.0F, pixel[3] - (128 + 8));
  for (std::size_t c = 0; c < 3; ++c) rgb[c] = static_cast<float>(pixel[c]) * unit;
}

}  // namespace

Result<Pixels> decode_hdr(const PictureFile& file) {
  Cursor cursor{file.bytes};
  SOVREN_TRY(lines, read_head(file, cursor));
  const int width = lines.are_columns ? lines.count : lines.length;
  const int height = lines.are_columns ? lines.length : lines.count;
  SOVREN_TRY(pixels, make_pixels(file, width, height, 3, Pixels::Depth::float32));
  auto* const values = reinterpret_cast<float*>(pixels.data.data());
  std::vector<Rgbe> line(static_cast<std::size_t>(lines.length));
  for (int i = 0; i < lines.count; ++i) {
    if (!read_line(cursor, line))
      return fail(broken_picture(file, "broken HDR: scan line " + std::to_string(i + 1) + " of " +
                                           std::to_string(lines.count) +
                                           " is cut off or of another length"));
    for (int j = 0; j < lines.length; ++j) {
      const int x = lines.are_columns ? i : j, y = lines.are_columns ? j : i;
      const auto column = static_cast<std::size_t>(lines.from_right ? width - 1 - x : x);
      const auto row = static_cast<std::size_t>(lines.from_bottom ? height - 1 - y : y);
      decode_pixel(line[static_cast<std::size_t>(j)],
                   values + (row * static_cast<std::size_t>(width) + column) * 3);
    }
  }
  return pixels;
}

}  // namespace sovren::jobs
