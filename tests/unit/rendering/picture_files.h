// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sovren::jobs {

// Files written byte by byte, independent of the libraries that read them.

std::span<const std::byte> bytes_of(std::string_view file);

struct PngFile {
  enum Color : std::uint8_t { grey = 0, rgb = 2, palette = 3, grey_alpha = 4, rgba = 6 };
  std::uint32_t width = 1, height = 1;
  std::uint8_t depth = 8;
  Color color = rgb;
  bool is_interlaced = false;
  std::string before;  ///< chunks between header and data
  std::string rows;  ///< as the format has them, without the filter's byte; interlaced: all passes
};
std::string chunk(std::string_view type, std::string_view data);
/// rows: how the filter's bytes (0) are put in: the length of each row in turn.
std::string png_file(const PngFile& picture, const std::vector<std::size_t>& row_lengths);
/// Not interlaced: all rows are of one length.
std::string png_file(const PngFile& picture);

struct ExrChannel {
  enum Type { uint32 = 0, half = 1, float32 = 2 };
  std::string name;  ///< given in the alphabet's order, as the format wants
  Type type = float32;
  std::vector<double> values;  ///< of the data window, row-major
  int sampling = 1;
};
struct ExrFile {
  std::array<int, 4> data_window{};     ///< x min, y min, x max, y max
  std::array<int, 4> display_window{};  ///< likewise
  int tile = 0;                         ///< 0: scan lines
  std::vector<ExrChannel> channels;
};
std::string exr_file(const ExrFile& picture);

/// Bytes from hexadecimal digits.
std::string from_hex(std::string_view digits);

}  // namespace sovren::jobs
