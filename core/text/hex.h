// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sovren::text {

/// Two lower-case digits for each byte.
std::string hex_of(std::span<const std::byte> bytes);

/// False when the text is not two digits, of either case, for each byte of out.
bool read_hex(std::string_view text, std::span<std::byte> out);

}  // namespace sovren::text
