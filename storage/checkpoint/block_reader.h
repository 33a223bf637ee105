// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "storage/checkpoint/manifest.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/file/file.h"

namespace sovren::storage {

/// Reads a shard's HDF5 by whole blocks. Each is compared with its CRC-32C whenever it is read,
/// also after verification, and one of an encrypted shard is proven by its tag.
class BlockReader {
 public:
  /// shard and cipher outlive this; cipher: null for a plain shard.
  static Result<BlockReader> open(const std::string& set_path, const Shard& shard,
                                  const SetCipher* cipher);

  /// Bytes of the HDF5 in each block but the last.
  static std::int64_t block_size(const SetCipher* cipher) {
    return cipher == nullptr ? block_bytes : plain_block_bytes;
  }
  static std::size_t size_of(const Shard& shard, const SetCipher* cipher, std::int64_t block);

  /// out: of size_of the block. storage_corrupt: it is not what was sealed.
  Result<void> read(std::int64_t block, std::span<std::byte> out);

 private:
  BlockReader(FileReader file, const std::string& set_path, const Shard& shard,
              const SetCipher* cipher)
      : file_(std::move(file)), set_path_(set_path), shard_(&shard), cipher_(cipher) {}
  Result<void> read_stored(std::int64_t block, std::span<std::byte> out) const;
  Error corrupt(const char* how, std::int64_t block) const;

  FileReader file_;
  std::string set_path_;
  const Shard* shard_;
  const SetCipher* cipher_;
  std::vector<std::byte> stored_;  ///< the block being decrypted
};

}  // namespace sovren::storage
