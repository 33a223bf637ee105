// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/exr_header.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace sovren::jobs {

namespace {

struct FixedType {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<FixedType, 25> fixed_types{{{"box2f", 16},
                                                 {"box2i", 16},
                                                 {"chromaticities", 32},
                                                 {"compression", 1},
                                                 {"deepImageState", 1},
                                                 {"double", 8},
                                                 {"envmap", 1},
                                                 {"float", 4},
                                                 {"int", 4},
                                                 {"keycode", 28},
                                                 {"lineOrder", 1},
                                                 {"m33d", 72},
                                                 {"m33f", 36},
                                                 {"m44d", 128},
                                                 {"m44f", 64},
                                                 {"rational", 8},
                                                 {"tiledesc", 9},
                                                 {"timecode", 8},
                                                 {"v2d", 16},
                                                 {"v2f", 8},
                                                 {"v2i", 8},
                                                 {"v3d", 24},
                                                 {"v3f", 12},
                                                 {"v3i", 12},
                                                 {"idmanifest", 0}}};  // never is: not read

/// Text up to a 0, which is cut off with it.
std::optional<std::string_view> cut_name(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  if (end == rest.npos) return std::nullopt;
  const std::string_view name = rest.substr(0, end);
  rest.remove_prefix(end + 1);
  return name;
}

std::optional<std::uint32_t> cut_number(std::string_view& rest) {
  std::uint32_t number = 0;
  if (rest.size() < sizeof number) return std::nullopt;
  std::memcpy(&number, rest.data(), sizeof number);
  rest.remove_prefix(sizeof number);
  return number;
}

/// (name, 16 bytes) each, up to an empty name.
bool is_channel_list(std::string_view data) {
  for (;;) {
    const auto name = cut_name(data);
    if (!name) return false;
    if (name->empty()) return data.empty();
    if (data.size() < 16) return false;
    data.remove_prefix(16);
  }
}

/// (length, text) each.
bool is_string_vector(std::string_view data) {
  while (!data.empty()) {
    const auto length = cut_number(data);
    if (!length || *length > data.size()) return false;
    data.remove_prefix(*length);
  }
  return true;
}

/// Width, height, four bytes a pixel.
bool is_preview(std::string_view data) {
  const auto width = cut_number(data), height = cut_number(data);
  return width && height && *width < 65536 && *height < 65536 &&
         std::uint64_t{*width} * *height * 4 == data.size();
}

bool fits_its_type(std::string_view type, std::string_view data) {
  if (type == "chlist") return is_channel_list(data);
  if (type == "stringvector") return is_string_vector(data);
  if (type == "preview") return is_preview(data);
  const auto* const fixed = std::find_if(fixed_types.begin(), fixed_types.end(),
                                         [&](const FixedType& f) { return f.name == type; });
  return fixed == fixed_types.end() || fixed->size == data.size();
}

}  // namespace

bool has_whole_headers(std::span<const std::byte> file) {
  constexpr std::size_t start = 8;  // magic number, version and flags
  if (file.size() < start) return false;
  const bool has_parts = (std::to_integer<int>(file[5]) & 0x10) != 0;
  std::string_view rest(reinterpret_cast<const char*>(file.data()), file.size());
  rest.remove_prefix(start);
  for (bool is_empty = true;; is_empty = false) {
    auto name = cut_name(rest);
    if (name && name->empty()) {
      if (!has_parts || is_empty) return true;
      name = cut_name(rest);
      if (name && name->empty()) return true;
    }
    const auto type = cut_name(rest);
    const auto size = cut_number(rest);
    if (!name || !type || !size || *size > rest.size()) return false;
    if (!fits_its_type(*type, rest.substr(0, *size))) return false;
    rest.remove_prefix(*size);
  }
}

}  // namespace sovren::jobs
