// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/crypto.h"
#include "storage/checkpoint/manifest.h"
#include "storage/checkpoint/master_key.h"
#include "storage/checkpoint/shard_digest.h"

namespace sovren::storage {

// An encrypted shard is a row of blocks of block_bytes, the last one shorter: ciphertext and its
// tag. CRCs and SHA-256 are of these bytes, so that damage is seen without the key. The exact bytes
// of keys, nonces and associated data are in docs/formats.md; stored: they never change.

inline constexpr auto tag_bytes = static_cast<std::int64_t>(gcm_tag_bytes);
/// Of the HDF5 file, in one block.
inline constexpr std::int64_t plain_block_bytes = block_bytes - tag_bytes;

/// Of the file in which so many bytes are encrypted.
constexpr std::int64_t stored_bytes(std::int64_t plain_bytes) {
  return plain_bytes + (plain_bytes + plain_block_bytes - 1) / plain_block_bytes * tag_bytes;
}

/// Where a block belongs.
struct BlockPlace {
  std::uint32_t shard = 0;  ///< the number in the file's name
  std::uint64_t block = 0;
  bool is_last = false;  ///< of the shard: none can be cut off unseen
};

/// Encrypts the blocks of one set, and only that set's: with a key of its own, and each block bound
/// to the job, attempt, step, shard and place that it is of.   Threads  any.
class SetCipher {
 public:
  /// For a new set: it gets a salt that no other has.
  static SetCipher create(const MasterKey& key, const SetHeader& header);
  /// For a set that is there. mismatch: it was encrypted with another key.
  static Result<SetCipher> open(const MasterKey& key, const Encryption& encryption,
                                const SetHeader& header, const std::string& set_path);

  /// What the manifest says of it.
  Encryption encryption() const;
  /// stored has tag_bytes more than plain.
  void encrypt(BlockPlace place, std::span<const std::byte> plain,
               std::span<std::byte> stored) const;
  /// False when these bytes are not what was encrypted for this place of this set.
  bool decrypt(BlockPlace place, std::span<const std::byte> stored,
               std::span<std::byte> plain) const;
  /// 64 hex digits by which is seen that a manifest was changed by somebody without the key.
  std::string sign(std::string_view manifest) const;

 private:
  using Salt = std::array<std::byte, 16>;
  SetCipher(const MasterKey& key, const Salt& salt, const SetHeader& header);
  std::array<std::byte, 57> associated_data(BlockPlace place) const;

  Salt salt_;
  std::array<std::byte, 24> identity_{};  ///< job, attempt, step
  SecretKey block_key_;
  SecretKey manifest_key_;
  Mac check_{};
};

/// Of a shard as the manifest names it.
BlockPlace place_of(const Shard& shard, std::int64_t block);

/// None for a plain set, which can be read with a key, too. mismatch: it is encrypted and there is
/// no key, or another.
Result<std::optional<SetCipher>> find_cipher(const std::optional<Encryption>& encryption,
                                             const SetHeader& header,
                                             const std::optional<MasterKey>& key,
                                             const std::string& set_path);

/// The same of a sealed set. storage_corrupt: its manifest was changed by somebody without the key.
Result<std::optional<SetCipher>> cipher_of(const Manifest& manifest, std::string_view manifest_text,
                                           const std::optional<MasterKey>& key,
                                           const std::string& set_path);

}  // namespace sovren::storage
