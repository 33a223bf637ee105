// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace sovren::storage {

/// 64 bits of SHA-256, as hex: against damage, not against forgers.
inline constexpr std::size_t digest_digits = 16;

/// Of a row and of the digest before it: a chain.
std::string chain_digest(std::string_view before, std::int64_t number, std::string_view text);

/// Nothing is repaired or cut off silently: what is wrong, and how to go on.
Error damaged_log(const std::string& path, std::string what);

}  // namespace sovren::storage
