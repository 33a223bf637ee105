// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "storage/checkpoint/block_reader.h"

namespace sovren::storage {
namespace {

class SetReader : public StateReader {
 public:
  SetReader(Manifest manifest, std::string set_path, std::optional<SetCipher> cipher)
      : manifest_(std::move(manifest)),
        set_path_(std::move(set_path)),
        cipher_(std::move(cipher)),
        shards_(manifest_.shards.size()) {}

  Result<ArrayInfo> info(std::string_view name) const override {
    SOVREN_TRY(array, find(name));
    return array->info;
  }

  Result<void> get(std::string_view name, Dtype dtype, Rows rows,
                   std::span<std::byte> out) override {
    SOVREN_TRY(array, find(name));
    SOVREN_TRY(size, array_size(array->info));
    if (array->info.dtype != dtype)
      return fail(corrupt("'" + std::string(name) + "' holds " +
                          std::string(dtype_name(array->info.dtype)) + ", not " +
                          std::string(dtype_name(dtype))));
    const std::int64_t length = array->info.shape[0];
    if (rows.first < 0 || rows.count < 0 || rows.count > length || rows.first > length - rows.count)
      return fail(corrupt("'" + std::string(name) + "' has " + std::to_string(length) + " rows; " +
                          std::to_string(rows.count) + " from row " + std::to_string(rows.first) +
                          " on are wanted"));
    if (std::cmp_not_equal(out.size(), rows.count * size.row_bytes))
      return fail({.code = Code::bug,
                   .what = "the buffer for '" + std::string(name) + "' has the wrong size",
                   .hint = "",
                   .where = set_path_});
    if (out.empty()) return {};
    if (manifest_.encryption && !cipher_)
      return fail({.code = Code::mismatch,
                   .what = "the set is encrypted, and no key is given",
                   .hint = "",
                   .where = set_path_});
    return copy_rows(*array, size.row_bytes, rows, out);
  }

 private:
  Error corrupt(std::string what) const {
    return {.code = Code::storage_corrupt, .what = std::move(what), .hint = "", .where = set_path_};
  }

  Result<const StoredArray*> find(std::string_view name) const {
    const auto found =
        std::lower_bound(manifest_.arrays.begin(), manifest_.arrays.end(), name,
                         [](const StoredArray& a, std::string_view b) { return a.info.name < b; });
    if (found == manifest_.arrays.end() || found->info.name != name)
      return fail(corrupt("there is no array '" + std::string(name) + "'"));
    return &*found;
  }

  Result<void> copy_rows(const StoredArray& array, std::int64_t row_bytes, Rows rows,
                         std::span<std::byte> out) {
    const std::int64_t end = rows.first + rows.count;
    auto slab =
        std::upper_bound(array.slabs.begin(), array.slabs.end(), rows.first,
                         [](std::int64_t row, const Slab& each) { return row < each.rows.first; });
    // The slab before holds the first row: slabs cover every row.
    if (slab != array.slabs.begin()) --slab;
    for (std::int64_t row = rows.first; row < end; ++slab) {
      const std::int64_t slab_end = slab->rows.first + slab->rows.count;
      const std::int64_t stop = std::min(end, slab_end);
      SOVREN_DO(copy_bytes(slab->shard, slab->offset + (row - slab->rows.first) * row_bytes,
                           out.subspan(static_cast<std::size_t>((row - rows.first) * row_bytes),
                                       static_cast<std::size_t>((stop - row) * row_bytes))));
      row = stop;
    }
    return {};
  }

  Result<void> copy_bytes(int shard, std::int64_t offset, std::span<std::byte> out) {
    while (!out.empty()) {
      const std::int64_t block = offset / BlockReader::block_size(cipher());
      const auto from =
          static_cast<std::size_t>(offset - block * BlockReader::block_size(cipher()));
      const std::size_t whole = size_of_block(shard, block);
      const std::size_t size = std::min(out.size(), whole - from);
      const bool is_held = shard == shard_ && block == number_;
      if (size == whole && !is_held) {
        SOVREN_DO(read_block(shard, block, out.first(size)));
      } else {
        SOVREN_DO(hold_block(shard, block));
        std::memcpy(out.data(), block_.data() + from, size);
      }
      out = out.subspan(size);
      offset += static_cast<std::int64_t>(size);
    }
    return {};
  }

  const SetCipher* cipher() const { return cipher_ ? &*cipher_ : nullptr; }
  std::size_t size_of_block(int shard, std::int64_t block) const {
    return BlockReader::size_of(manifest_.shards[static_cast<std::size_t>(shard)], cipher(), block);
  }

  /// The block that was read last in part is kept: many small arrays lie in one.
  Result<void> hold_block(int shard, std::int64_t block) {
    if (shard == shard_ && block == number_) return {};
    shard_ = -1;
    block_.resize(size_of_block(shard, block));
    SOVREN_DO(read_block(shard, block, block_));
    shard_ = shard;
    number_ = block;
    return {};
  }

  /// Fills out with a whole block, as it was sealed.
  Result<void> read_block(int shard, std::int64_t block, std::span<std::byte> out) {
    const auto index = static_cast<std::size_t>(shard);
    if (!shards_[index]) {
      SOVREN_TRY(reader, BlockReader::open(set_path_, manifest_.shards[index], cipher()));
      shards_[index] = std::move(reader);
    }
    return shards_[index]->read(block, out);
  }

  Manifest manifest_;
  std::string set_path_;
  std::optional<SetCipher> cipher_;
  std::vector<std::optional<BlockReader>> shards_;  ///< opened when first needed
  std::vector<std::byte> block_;
  int shard_ = -1;  ///< of block_; -1: none
  std::int64_t number_ = 0;
};

}  // namespace

std::unique_ptr<StateReader> make_set_reader(Manifest manifest, std::string set_path,
                                             std::optional<SetCipher> cipher) {
  return std::make_unique<SetReader>(std::move(manifest), std::move(set_path), std::move(cipher));
}

}  // namespace sovren::storage
