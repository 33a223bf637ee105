// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/manifest.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace sovren::storage {
namespace {

Error corrupt(std::string what) {
  return {.code = Code::storage_corrupt, .what = std::move(what), .hint = "", .where = ""};
}

/// a * b, or -1 when that is over the limit. Both are at least 0.
std::int64_t product(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t most = std::int64_t{1} << 62;
  if (a != 0 && b > most / a) return -1;
  return a * b;
}

std::string rows_text(std::int64_t first, std::int64_t end) {
  return "rows " + std::to_string(first) + " to " + std::to_string(end - 1);
}

Result<void> check_slabs_of(const StoredArray& array, const std::vector<Shard>& shards) {
  SOVREN_TRY(size, array_size(array.info));
  const std::int64_t rows = array.info.shape[0];
  std::int64_t covered = 0;
  for (const Slab& slab : array.slabs) {
    const std::string of = " of '" + array.info.name + "'";
    if (slab.shard < 0 || std::cmp_greater_equal(slab.shard, shards.size()))
      return fail(corrupt("a slab" + of + " is in shard " + std::to_string(slab.shard) +
                          ", which there is not"));
    if (slab.rows.count <= 0 || slab.rows.first < 0 || slab.rows.count > rows ||
        slab.rows.first > rows - slab.rows.count)
      return fail(corrupt("a slab" + of + " has rows outside of the array"));
    if (slab.rows.first < covered)
      return fail(corrupt(rows_text(slab.rows.first, covered) + of + " are there twice"));
    if (slab.rows.first > covered)
      return fail(corrupt(rows_text(covered, slab.rows.first) + of + " are missing"));
    covered += slab.rows.count;
    const std::int64_t file_bytes = shards[static_cast<std::size_t>(slab.shard)].hdf5_bytes();
    if (slab.bytes != slab.rows.count * size.row_bytes || slab.offset < 0 ||
        slab.bytes > file_bytes || slab.offset > file_bytes - slab.bytes)
      return fail(corrupt("a slab" + of + " does not lie within its shard"));
  }
  if (covered != rows)
    return fail(corrupt(rows_text(covered, rows) + " of '" + array.info.name + "' are missing"));
  return {};
}

Result<void> check_overlaps(const Manifest& manifest) {
  struct Extent {
    int shard;
    std::int64_t offset;
    std::int64_t bytes;
    const std::string* array;
  };
  std::vector<Extent> extents;
  for (const StoredArray& array : manifest.arrays)
    for (const Slab& slab : array.slabs)
      if (slab.bytes > 0)
        extents.push_back({slab.shard, slab.offset, slab.bytes, &array.info.name});
  std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
    return std::pair(a.shard, a.offset) < std::pair(b.shard, b.offset);
  });
  for (std::size_t i = 1; i < extents.size(); ++i) {
    const Extent& before = extents[i - 1];
    if (before.shard == extents[i].shard && before.offset + before.bytes > extents[i].offset)
      return fail(corrupt("'" + *before.array + "' and '" + *extents[i].array +
                          "' lie over each other in shard " + std::to_string(before.shard)));
  }
  return {};
}

}  // namespace

std::string shard_file_name(int shard) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "shard-%05d.h5", shard);
  return name.data();
}

bool is_shard_file_name(std::string_view name) {
  constexpr std::string_view front = "shard-";
  constexpr std::string_view back = ".h5";
  if (name.size() < front.size() + 5 + back.size() || name.size() > 20) return false;
  if (!name.starts_with(front) || !name.ends_with(back)) return false;
  name.remove_prefix(front.size());
  name.remove_suffix(back.size());
  return name.find_first_not_of("0123456789") == std::string_view::npos;
}

std::int64_t shard_number(std::string_view name) {
  name = name.substr(name.find('-') + 1);
  std::int64_t number = 0;
  std::from_chars(name.data(), name.data() + name.size(), number);
  return number;
}

bool is_array_name(std::string_view name) {
  if (name.empty() || name.size() > array_name_bytes_max) return false;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && name[i] != '/') {
      const char c = name[i];
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '+';
      if (!plain) return false;
      continue;
    }
    const std::string_view part = name.substr(start, i - start);
    if (part.empty() || part == "." || part == "..") return false;
    start = i + 1;
  }
  return true;
}

Result<ArraySize> array_size(const ArrayInfo& info) {
  if (info.shape.empty() || info.shape.size() > array_dimensions_max)
    return fail(corrupt("'" + info.name + "' has " + std::to_string(info.shape.size()) +
                        " dimensions; 1 to " + std::to_string(array_dimensions_max) +
                        " are possible"));
  auto row_bytes = static_cast<std::int64_t>(dtype_bytes(info.dtype));
  for (const std::int64_t length : info.shape)
    if (length < 0) return fail(corrupt("'" + info.name + "' has a negative dimension"));
  for (std::size_t d = 1; d < info.shape.size() && row_bytes >= 0; ++d)
    row_bytes = product(row_bytes, info.shape[d]);
  const std::int64_t bytes = row_bytes < 0 ? -1 : product(row_bytes, info.shape[0]);
  if (bytes < 0) return fail(corrupt("'" + info.name + "' is larger than can be"));
  return ArraySize{row_bytes, bytes};
}

Result<void> check_arrays(const Manifest& manifest) {
  for (std::size_t i = 0; i < manifest.arrays.size(); ++i) {
    const StoredArray& array = manifest.arrays[i];
    if (!is_array_name(array.info.name))
      return fail(corrupt("an array has the impossible name '" + array.info.name + "'"));
    if (i > 0 && manifest.arrays[i - 1].info.name >= array.info.name)
      return fail(
          corrupt("the arrays are not in the order of their names at '" + array.info.name + "'"));
    SOVREN_DO(check_slabs_of(array, manifest.shards));
  }
  return check_overlaps(manifest);
}

SetInfo info_of(const Manifest& manifest, const std::string& set_path) {
  SetInfo info{.header = manifest.header,
               .name = set_path.substr(set_path.rfind('/') + 1),
               .path = set_path,
               .size_bytes = 0,
               .shards = static_cast<int>(manifest.shards.size()),
               .seal_s = 0,
               .write_s = 0,
               .arrays = {}};
  for (const Shard& shard : manifest.shards) info.size_bytes += shard.digest.bytes;
  for (const StoredArray& array : manifest.arrays) info.arrays.push_back(array.info);
  return info;
}

std::vector<std::string> difference(const SpecFacts& there, const SpecFacts& here) {
  std::vector<std::string> lines;
  for (const auto& [key, value] : there) {
    const auto other = here.find(key);
    if (other == here.end())
      lines.push_back(key + ": " + value + " there, not set here");
    else if (other->second != value)
      lines.push_back(key + ": " + value + " there, " + other->second + " here");
  }
  for (const auto& [key, value] : here)
    if (!there.contains(key)) lines.push_back(key + ": not set there, " + value + " here");
  return lines;
}

}  // namespace sovren::storage
