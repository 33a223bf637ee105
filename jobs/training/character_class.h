// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sovren::jobs {

/// What GPT-2's cutting of text into words looks at: white space (Unicode's White_Space), letters
/// (general categories L*), numbers (N*). The tables are this program's own, so that the same text
/// has the same tokens on every machine.
enum class CharacterClass { space, letter, number, other };

CharacterClass class_of(std::uint32_t code);

struct Character {
  CharacterClass kind = CharacterClass::other;
  std::size_t bytes = 1;
};

/// The character at the front of a text in UTF-8 that is not empty. A byte that is part of none is
/// a character of class other.
Character first_character(std::string_view text);

}  // namespace sovren::jobs
