// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/set_cipher.h"

#include <algorithm>

#include "core/base/check.h"
#include "core/text/hex.h"

namespace sovren::storage {
namespace {

/// Little-endian.
template <class Number>
void put_number(Number number, std::span<std::byte> out) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = i < sizeof(Number) ? static_cast<std::byte>(number >> (8 * i)) : std::byte{0};
}

std::string name_of(const std::string& set_path) {
  return set_path.substr(set_path.rfind('/') + 1);
}

constexpr const char* name_the_key =
    "key_file or key_env of [checkpoint] in the job file name the key, --key-file or --key-env on "
    "the command line of sovren checkpoints; a run with --fresh starts over";

}  // namespace

SetCipher::SetCipher(const MasterKey& key, const Salt& salt, const SetHeader& header)
    : salt_(salt),
      block_key_(derive_key(key.bytes, salt, "sovren checkpoint set")),
      manifest_key_(derive_key(key.bytes, salt, "sovren checkpoint manifest")) {
  const std::span identity(identity_);
  put_number(static_cast<std::uint64_t>(header.job.value), identity.subspan(0, 8));
  put_number(static_cast<std::uint64_t>(header.attempt), identity.subspan(8, 8));
  put_number(static_cast<std::uint64_t>(header.step), identity.subspan(16, 8));
  std::array<std::byte, 40> checked{};
  std::copy(salt_.begin(), salt_.end(), checked.begin());
  std::copy(identity_.begin(), identity_.end(), checked.begin() + salt_.size());
  check_ = hmac_sha256(derive_key(key.bytes, salt, "sovren checkpoint key check"), checked);
}

SetCipher SetCipher::create(const MasterKey& key, const SetHeader& header) {
  Salt salt{};
  fill_random(salt);
  return {key, salt, header};
}

Result<SetCipher> SetCipher::open(const MasterKey& key, const Encryption& encryption,
                                  const SetHeader& header, const std::string& set_path) {
  Salt salt{};
  SOVREN_CHECK(text::read_hex(encryption.salt, salt), "manifests are checked when they are read");
  SetCipher cipher(key, salt, header);
  if (text::hex_of(cipher.check_) == encryption.check) return cipher;
  return fail({.code = Code::mismatch,
               .what = "the checkpoint set " + name_of(set_path) +
                       " was encrypted with another key than the one in " + key.source,
               .hint = name_the_key,
               .where = set_path});
}

Encryption SetCipher::encryption() const {
  return {text::hex_of(salt_), text::hex_of(check_)};
}

std::array<std::byte, 57> SetCipher::associated_data(BlockPlace place) const {
  std::array<std::byte, 57> data{};
  const std::span all(data);
  std::copy(salt_.begin(), salt_.end(), data.begin());
  std::copy(identity_.begin(), identity_.end(), data.begin() + salt_.size());
  put_number(place.shard, all.subspan(40, 8));
  put_number(place.block, all.subspan(48, 8));
  data.back() = static_cast<std::byte>(place.is_last);
  return data;
}

namespace {

/// Used once with a set's key: shards are written front to back and once.
GcmNonce nonce_of(BlockPlace place) {
  GcmNonce nonce{};
  const std::span all(nonce);
  put_number(place.shard, all.first(4));
  put_number(place.block, all.subspan(4));
  return nonce;
}

}  // namespace

void SetCipher::encrypt(BlockPlace place, std::span<const std::byte> plain,
                        std::span<std::byte> stored) const {
  gcm_encrypt(block_key_, nonce_of(place), associated_data(place), plain, stored);
}

bool SetCipher::decrypt(BlockPlace place, std::span<const std::byte> stored,
                        std::span<std::byte> plain) const {
  return gcm_decrypt(block_key_, nonce_of(place), associated_data(place), stored, plain);
}

std::string SetCipher::sign(std::string_view manifest) const {
  return text::hex_of(hmac_sha256(manifest_key_, std::as_bytes(std::span(manifest))));
}

BlockPlace place_of(const Shard& shard, std::int64_t block) {
  return {static_cast<std::uint32_t>(shard_number(shard.file)), static_cast<std::uint64_t>(block),
          static_cast<std::size_t>(block) + 1 == shard.digest.crc32c.size()};
}

Result<std::optional<SetCipher>> find_cipher(const std::optional<Encryption>& encryption,
                                             const SetHeader& header,
                                             const std::optional<MasterKey>& key,
                                             const std::string& set_path) {
  if (!encryption) return std::optional<SetCipher>();
  if (!key)
    return fail(
        {.code = Code::mismatch,
         .what = "the checkpoint set " + name_of(set_path) + " is encrypted, and no key is given",
         .hint = name_the_key,
         .where = set_path});
  SOVREN_TRY(cipher, SetCipher::open(*key, *encryption, header, set_path));
  return std::optional(std::move(cipher));
}

Result<std::optional<SetCipher>> cipher_of(const Manifest& manifest, std::string_view manifest_text,
                                           const std::optional<MasterKey>& key,
                                           const std::string& set_path) {
  SOVREN_TRY(cipher, find_cipher(manifest.encryption, manifest.header, key, set_path));
  if (!cipher || is_signed(manifest_text, *cipher)) return cipher;
  return fail({.code = Code::storage_corrupt,
               .what = "MANIFEST.json was changed by somebody without the key of the set",
               .hint = "",
               .where = set_path});
}

}  // namespace sovren::storage
