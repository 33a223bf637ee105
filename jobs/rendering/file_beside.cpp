// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/file_beside.h"

#include <array>
#include <cstdint>
#include <filesystem>
#include <utility>

namespace sovren::jobs {

namespace {

namespace fs = std::filesystem;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// "https:" and "C:" alike.
bool has_scheme(std::string_view name) {
  if (name.empty() || !is_letter(name.front())) return false;
  const std::size_t end = name.find_first_of(":/\\?#");
  return end != name.npos && name[end] == ':';
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string without_percents(std::string_view uri) {
  std::string name;
  for (std::size_t i = 0; i < uri.size(); ++i) {
    const int high = uri[i] == '%' && i + 2 < uri.size() ? hex_digit(uri[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(uri[i + 2]) : -1;
    if (low < 0) {
      name += uri[i];
      continue;
    }
    name += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return name;
}

constexpr std::array<std::int8_t, 256> base64_values = [] {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  const std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < digits.size(); ++i)
    values[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  return values;
}();

// RFC 4648, section 4; the padding may be left out.
std::optional<std::vector<std::byte>> decode_base64(std::string_view text) {
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  if (text.size() % 4 == 1) return std::nullopt;
  std::vector<std::byte> bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const int value = base64_values[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xFFFFFF;
    held += 6;
    if (held < 8) continue;
    held -= 8;
    bytes.push_back(static_cast<std::byte>(bits >> held & 0xFF));
  }
  return bytes;
}

}  // namespace

Result<std::string> path_beside(const std::string& scene_path, const std::string& name) {
  const auto refused = [&](const std::string& why) {
    return fail({.code = Code::refused,
                 .what = "'" + name.substr(0, 100) + "' " + why,
                 .hint = "files of a scene must lie in its folder or below it",
                 .where = scene_path});
  };
  if (name.empty() || name.find('\0') != name.npos) return refused("names no file");
  if (has_scheme(name)) return refused("is an address, which is not followed");
  if (name.front() == '/' || name.front() == '\\') return refused("is an absolute path");
  const fs::path relative(name);
  for (const fs::path& part : relative)
    if (part == "..") return refused("leaves the folder of the scene");
  return (fs::path(scene_path).parent_path() / relative).string();
}

Result<UriBytes> read_uri(const std::string& scene_path, std::string_view uri) {
  if (uri.starts_with("data:")) {
    const std::size_t comma = uri.find(',');
    if (comma == uri.npos || !uri.substr(0, comma).ends_with(";base64"))
      return fail({.code = Code::data_invalid,
                   .what = "a data URI must be data:<type>;base64,<text>",
                   .where = scene_path});
    auto decoded = decode_base64(uri.substr(comma + 1));
    if (!decoded)
      return fail({.code = Code::data_invalid,
                   .what = "the data URI's text is no base64",
                   .where = scene_path});
    return UriBytes{{}, *std::move(decoded)};
  }
  SOVREN_TRY(path, path_beside(scene_path, without_percents(uri)));
  SOVREN_TRY(file, MappedFile::open(path));
  return UriBytes{std::move(file), {}};
}

}  // namespace sovren::jobs
