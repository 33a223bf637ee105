// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sovren::storage {

/// The secret that sets are encrypted with. Each set has a key of its own, derived from this and
/// its salt (set_cipher.h).
struct MasterKey {
  std::array<std::byte, 32> bytes{};
};

/// Of a file with exactly 32 bytes, or 64 hex digits and white space.
/// Errors   input_missing; data_invalid, which says what is there instead, never the bytes.
Result<MasterKey> read_key_file(const std::string& path);

/// Of 64 hex digits. where: for messages: "the environment variable SOVREN_KEY".
Result<MasterKey> key_of_hex(std::string_view hex, const std::string& where);

}  // namespace sovren::storage
