// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace sovren::text {

/// Bytes of the character at the front of a text that is not empty; 0 when it is malformed (RFC
/// 3629: no overlong forms, no surrogates, nothing above U+10FFFF).
std::size_t utf8_character_length(std::string_view text);

/// Offset of the first byte that is not part of a well-formed character; npos when all is well.
std::size_t utf8_fault(std::string_view text);

}  // namespace sovren::text
