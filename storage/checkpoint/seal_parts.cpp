// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/seal_parts.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "core/base/units.h"
#include "storage/checkpoint/collective.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

Error bug(std::string what) {
  return {.code = Code::bug, .what = std::move(what), .hint = "", .where = ""};
}

}  // namespace

Manifest part_of(const SetHeader& header, const std::vector<StagedArray>& staged) {
  Manifest part;
  part.header = header;
  part.header.facts.clear();  // the same on all ranks; rank 0 has them
  for (const StagedArray& array : staged) {
    StoredArray stored{array.info, {}};
    for (const StagedSlab& slab : array.slabs)
      stored.slabs.push_back({0, "", slab.rows, 0, slab.bytes});
    part.arrays.push_back(std::move(stored));
  }
  return part;
}

void place_slabs(Manifest& part, const ShardLayout& layout) {
  for (const ShardSlab& slab : layout.slabs) {
    Slab& stored = part.arrays[slab.array].slabs[slab.slab];
    stored.path = slab.path;
    stored.offset = slab.offset;
  }
}

Result<Manifest> join_parts(const SetHeader& header, const std::vector<std::string>& texts) {
  Manifest whole;
  whole.header = header;
  std::map<std::string, StoredArray> arrays;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    SOVREN_TRY(part, parse_manifest_part(texts[rank]));
    if (part.header.step != header.step || part.header.job != header.job ||
        part.header.attempt != header.attempt)
      return fail(bug("rank " + std::to_string(rank) + " seals another step than rank 0"));
    const int shard = static_cast<int>(whole.shards.size());
    for (Shard& each : part.shards) whole.shards.push_back(std::move(each));
    for (StoredArray& array : part.arrays) {
      auto [found, is_new] = arrays.try_emplace(array.info.name, StoredArray{array.info, {}});
      const ArrayInfo& known = found->second.info;
      if (!is_new && (known.dtype != array.info.dtype || known.shape != array.info.shape))
        return fail(bug("the ranks put '" + known.name + "' with different dtypes or shapes"));
      for (Slab& slab : array.slabs) {
        slab.shard = shard;
        found->second.slabs.push_back(std::move(slab));
      }
    }
  }
  for (auto& [name, array] : arrays) {
    std::sort(array.slabs.begin(), array.slabs.end(),
              [](const Slab& a, const Slab& b) { return a.rows.first < b.rows.first; });
    whole.arrays.push_back(std::move(array));
  }
  return whole;
}

Result<std::int64_t> check_rows(const Manifest& whole) {
  std::int64_t total_bytes = 0;
  std::set<std::string> names;
  for (const StoredArray& array : whole.arrays) names.insert(array.info.name);
  for (const StoredArray& array : whole.arrays) {
    const std::string& name = array.info.name;
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1))
      if (names.contains(name.substr(0, at)))
        return fail(bug("'" + name.substr(0, at) + "' cannot be an array and the folder of '" +
                        name + "'"));
    std::int64_t row = 0;
    for (const Slab& slab : array.slabs) {
      if (slab.rows.first != row)
        return fail(bug("row " + std::to_string(std::min(row, slab.rows.first)) + " of '" + name +
                        "' was put " + (slab.rows.first < row ? "twice" : "by no rank")));
      row += slab.rows.count;
      total_bytes += slab.bytes;
    }
    if (row != array.info.shape[0])
      return fail(bug("row " + std::to_string(row) + " of '" + name + "' was put by no rank"));
  }
  return total_bytes;
}

std::string begin_encryption(const std::optional<MasterKey>& key, const SetHeader& header) {
  if (!key) return "";
  const Encryption encryption = SetCipher::create(*key, header).encryption();
  return pack({encryption.salt, encryption.check});
}

Result<std::optional<SetCipher>> join_encryption(const std::string& begun,
                                                 const std::optional<MasterKey>& key,
                                                 const SetHeader& header,
                                                 const std::string& folder) {
  if (begun.empty() && key)
    return fail({.code = Code::mismatch,
                 .what = "this rank has a key for checkpoints, and rank 0 has none",
                 .hint = "all ranks need the same key file or variable",
                 .where = folder});
  std::optional<Encryption> encryption;
  if (!begun.empty()) {
    const std::vector<std::string> told = unpack(begun);
    encryption = Encryption{told.at(0), told.at(1)};
  }
  return find_cipher(encryption, header, key, folder);
}

Result<void> check_space(const std::string& dir, std::int64_t total_bytes, int ranks) {
  constexpr std::int64_t spare_bytes = std::int64_t{1} << 20;
  const std::int64_t wanted = total_bytes + spare_bytes * (ranks + 1);
  SOVREN_TRY(there, free_bytes(dir));
  if (there >= wanted) return {};
  return fail({.code = Code::storage_io,
               .what = "a checkpoint of " + format_size(wanted) + " does not fit into '" + dir +
                       "', where " + format_size(there) + " are free",
               .hint = "free space or choose another folder with --dir",
               .where = dir});
}

std::string nonce() {
  std::random_device random;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%08x", static_cast<unsigned>(random()));
  return text.data();
}

}  // namespace sovren::storage
