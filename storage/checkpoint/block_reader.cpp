// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/block_reader.h"

#include <algorithm>

#include "storage/checkpoint/crc32c.h"

namespace sovren::storage {

Result<BlockReader> BlockReader::open(const std::string& set_path, const Shard& shard,
                                      const SetCipher* cipher) {
  SOVREN_TRY(file, FileReader::open(set_path + "/" + shard.file));
  return BlockReader(std::move(file), set_path, shard, cipher);
}

std::size_t BlockReader::size_of(const Shard& shard, const SetCipher* cipher, std::int64_t block) {
  const std::int64_t size = block_size(cipher);
  return static_cast<std::size_t>(std::min(size, shard.hdf5_bytes() - block * size));
}

Error BlockReader::corrupt(const char* how, std::int64_t block) const {
  return {.code = Code::storage_corrupt,
          .what = shard_->file + " " + how + ", in the 4 MiB from byte " +
                  std::to_string(block * block_bytes) + " on",
          .hint = "",
          .where = set_path_};
}

Result<void> BlockReader::read(std::int64_t block, std::span<std::byte> out) {
  if (cipher_ == nullptr) return read_stored(block, out);
  stored_.resize(out.size() + gcm_tag_bytes);
  SOVREN_DO(read_stored(block, stored_));
  if (cipher_->decrypt(place_of(*shard_, block), stored_, out)) return {};
  return fail(corrupt("is not what was encrypted", block));
}

Result<void> BlockReader::read_stored(std::int64_t block, std::span<std::byte> out) const {
  // In pieces that the processor's cache still holds when they are summed.
  constexpr std::size_t piece_bytes = std::size_t{256} << 10;
  std::uint32_t crc = 0;
  for (std::size_t done = 0; done < out.size(); done += piece_bytes) {
    const auto piece = out.subspan(done, std::min(piece_bytes, out.size() - done));
    SOVREN_DO(file_.read_at(block * block_bytes + static_cast<std::int64_t>(done), piece));
    crc = crc32c(piece, crc);
  }
  if (crc == shard_->digest.crc32c[static_cast<std::size_t>(block)]) return {};
  return fail(corrupt("is not as it was sealed", block));
}

}  // namespace sovren::storage
