// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "storage/checkpoint/crc32c.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

class SetReader : public StateReader {
 public:
  SetReader(Manifest manifest, std::string set_path, std::optional<SetCipher> cipher)
      : manifest_(std::move(manifest)),
        set_path_(std::move(set_path)),
        cipher_(std::move(cipher)),
        files_(manifest_.shards.size()) {}

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
      const std::int64_t block = offset / block_size();
      const auto from = static_cast<std::size_t>(offset - block * block_size());
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

  /// Of the HDF5, in each block but the last.
  std::int64_t block_size() const { return cipher_ ? plain_block_bytes : block_bytes; }
  std::size_t size_of_block(int shard, std::int64_t block) const {
    const std::int64_t left =
        manifest_.shards[static_cast<std::size_t>(shard)].hdf5_bytes() - block * block_size();
    return static_cast<std::size_t>(std::min(block_size(), left));
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
    if (!cipher_) return read_stored(shard, block, out);
    stored_.resize(out.size() + gcm_tag_bytes);
    SOVREN_DO(read_stored(shard, block, stored_));
    const Shard& of = manifest_.shards[static_cast<std::size_t>(shard)];
    const auto is_last = static_cast<std::size_t>(block) + 1 == of.digest.crc32c.size();
    const BlockPlace place{static_cast<std::uint32_t>(shard_number(of.file)),
                           static_cast<std::uint64_t>(block), is_last};
    if (cipher_->decrypt(place, stored_, out)) return {};
    return fail(corrupt(of.file + " is not what was encrypted, in the 4 MiB from byte " +
                        std::to_string(block * block_bytes) + " on"));
  }

  Result<void> read_stored(int shard, std::int64_t block, std::span<std::byte> out) {
    const auto index = static_cast<std::size_t>(shard);
    const std::int64_t offset = block * block_bytes;
    const Shard& of = manifest_.shards[index];
    if (!files_[index]) {
      SOVREN_TRY(file, FileReader::open(set_path_ + "/" + of.file));
      files_[index] = std::move(file);
    }
    SOVREN_DO(files_[index]->read_at(offset, out));
    if (crc32c(out) != of.digest.crc32c[static_cast<std::size_t>(block)])
      return fail(corrupt(of.file + " changed since it was verified, in the 4 MiB from byte " +
                          std::to_string(offset) + " on"));
    return {};
  }

  Manifest manifest_;
  std::string set_path_;
  std::optional<SetCipher> cipher_;
  std::vector<std::optional<FileReader>> files_;  ///< opened when first needed, by shard
  std::vector<std::byte> block_;
  std::vector<std::byte> stored_;  ///< the block being decrypted
  int shard_ = -1;                 ///< of block_; -1: none
  std::int64_t number_ = 0;
};

}  // namespace

std::unique_ptr<StateReader> make_set_reader(Manifest manifest, std::string set_path,
                                             std::optional<SetCipher> cipher) {
  return std::make_unique<SetReader>(std::move(manifest), std::move(set_path), std::move(cipher));
}

}  // namespace sovren::storage
