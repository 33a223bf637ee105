// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/model/job_spec.h"

namespace sovren::storage {

/// 32 secret bytes. Every copy is wiped at the end of its life.
struct SecretKey {
  std::array<std::byte, 32> bytes{};

  SecretKey() = default;
  SecretKey(const SecretKey&) = default;
  SecretKey& operator=(const SecretKey&) = default;
  ~SecretKey();
};

/// The secret that sets are encrypted with. Each set has a key of its own, derived from this and
/// its salt (set_cipher.h).
struct MasterKey : SecretKey {
  std::string source;  ///< for messages: "the file '/home/me/key'"
};

/// Of a file with exactly 32 bytes, or 64 hex digits and white space.
/// Errors   input_missing; data_invalid, which says what is there instead, never the bytes;
/// refused: others than the owner may read it.
Result<MasterKey> read_key_file(const std::string& path);

/// Of 64 hex digits and white space. where: for messages: "the environment variable SOVREN_KEY".
Result<MasterKey> key_of_hex(std::string_view hex, const std::string& where);

/// Of this process's environment. input_missing when there is no such variable.
Result<MasterKey> read_key_variable(const std::string& name);

/// By which ranks see that they have the same key: a number from 1 on that tells nothing of it.
std::int64_t mark_of(const MasterKey& key);

/// The key that a job file names, where it names one.
Result<std::optional<MasterKey>> read_policy_key(const CheckpointPolicy& policy);

}  // namespace sovren::storage
