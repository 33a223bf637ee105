// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "storage/checkpoint/master_key.h"

namespace sovren::storage {

// What the encryption of sets is made of, by OpenSSL. That libcrypto has these algorithms is taken
// for granted.

inline constexpr std::size_t gcm_tag_bytes = 16;
using GcmNonce = std::array<std::byte, 12>;

/// AES-256-GCM (NIST SP 800-38D): out gets the ciphertext and then the tag. A nonce must not be
/// used twice with one key. At most 1 GiB.
void gcm_encrypt(const SecretKey& key, const GcmNonce& nonce, std::span<const std::byte> associated,
                 std::span<const std::byte> plain, std::span<std::byte> out);
/// False, and nothing of use in out, when this is not what was encrypted with this key, nonce and
/// associated data.
bool gcm_decrypt(const SecretKey& key, const GcmNonce& nonce, std::span<const std::byte> associated,
                 std::span<const std::byte> stored, std::span<std::byte> out);

/// HKDF-SHA256 (RFC 5869), the first 32 bytes of it.
SecretKey derive_key(std::span<const std::byte> secret, std::span<const std::byte> salt,
                     std::string_view purpose);

using Mac = std::array<std::byte, 32>;
/// HMAC-SHA256.
Mac hmac_sha256(const SecretKey& key, std::span<const std::byte> data);

/// From the system's generator.
void fill_random(std::span<std::byte> out);

/// Overwrites a secret; the compiler does not leave it out.
void wipe(std::span<std::byte> secret);

}  // namespace sovren::storage
