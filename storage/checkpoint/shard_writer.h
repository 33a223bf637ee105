// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/shard_digest.h"
#include "storage/file/file.h"

namespace sovren::storage {

/// Encrypts one shard of a set.
struct ShardCipher {
  const SetCipher* set = nullptr;  ///< outlives the writing
  std::uint32_t shard = 0;         ///< the number in the file's name
};

/// What of a shard is stored besides its bytes, and how they are.
struct ShardForm {
  ShardForm(DigestKind kind = DigestKind::sha256) : digest(kind) {}  // NOLINT: a plain shard
  DigestKind digest;
  std::optional<ShardCipher> cipher;  ///< none: a plain shard
};

/// A shard being written front to back: every byte goes through here into the file and into its
/// digest, from the same memory. Errors are sticky.
class ShardWriter {
 public:
  /// Makes the file, and takes the space for `bytes` of it; they are of the HDF5.
  static Result<ShardWriter> create(const std::string& path, std::int64_t bytes, ShardForm form);
  /// Summed by a second thread while they are written; those of a small shard during its fsync.
  Result<void> append(std::span<const std::byte> data);
  /// fsync and close. The digest is of what is in the file: of the encrypted bytes.
  Result<FileDigest> finish();

 private:
  ShardWriter(FileWriter file, ShardForm form, bool is_small);
  Result<void> write(std::span<const std::byte> data);
  Result<void> encrypt(std::span<const std::byte> data);
  Result<void> write_block(std::span<const std::byte> plain, bool is_last);

  FileWriter file_;
  ShardDigest digest_;
  std::optional<ShardCipher> cipher_;
  bool is_small_;
  std::vector<std::byte> unsummed_;  ///< of a small shard: what was written
  std::vector<std::byte> begun_;     ///< plain bytes of the block that is not yet written
  AlignedBytes stored_;              ///< the block that is being written
  std::uint64_t block_ = 0;
};

/// A shard as pieces, front to back: small ones are put together, large ones are written from
/// where they are.
class PieceWriter {
 public:
  explicit PieceWriter(ShardWriter writer) : writer_(std::move(writer)) {}
  Result<void> append(std::span<const std::byte> piece);
  Result<FileDigest> finish();

 private:
  ShardWriter writer_;
  std::vector<std::byte> small_;
};

/// Writes the pieces as one new file, durably, and returns what was written.
Result<FileDigest> write_shard(const std::string& path,
                               std::span<const std::span<const std::byte>> pieces, ShardForm form);

}  // namespace sovren::storage
