// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/word_cutter.h"

#include <algorithm>

#include "jobs/training/character_class.h"

namespace sovren::jobs {

namespace {

/// Bytes of the run of characters of one class that begins at `at`; last: where its last character
/// begins.
std::size_t run_of(std::string_view text, std::size_t at, CharacterClass kind, std::size_t& last) {
  const std::size_t begin = at;
  while (at < text.size()) {
    const Character next = first_character(text.substr(at));
    if (next.kind != kind) break;
    last = at;
    at += next.bytes;
  }
  return at - begin;
}

/// Bytes of a contraction at the front; 0 where there is none.
std::size_t contraction(std::string_view text) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (text.starts_with(ending)) return ending.size();
  return 0;
}

/// Is the last character of a text that is not empty white space? A byte that is part of no
/// character is not.
bool ends_in_space(std::string_view text) {
  constexpr std::size_t character_bytes_max = 4;
  const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; };
  std::size_t bytes = 1;
  while (bytes < std::min(text.size(), character_bytes_max) && continues(text[text.size() - bytes]))
    ++bytes;
  const Character last = first_character(text.substr(text.size() - bytes));
  return last.bytes == bytes && last.kind == CharacterClass::space;
}

}  // namespace

std::size_t first_word(std::string_view text) {
  if (text[0] == '\'')
    if (const std::size_t bytes = contraction(text)) return bytes;
  const Character first = first_character(text);
  std::size_t last = 0;
  if (first.kind != CharacterClass::space) return run_of(text, 0, first.kind, last);
  if (text[0] == ' ' && text.size() > 1) {
    const Character second = first_character(text.substr(1));
    if (second.kind != CharacterClass::space) return 1 + run_of(text, 1, second.kind, last);
  }
  // A run of spaces leaves its last one to what follows, unless it is the only one.
  const std::size_t spaces = run_of(text, 0, CharacterClass::space, last);
  return spaces == text.size() || last == 0 ? spaces : last;
}

std::size_t cut_behind(std::string_view text, std::size_t from) {
  for (std::size_t at = std::max<std::size_t>(from, 1); at < text.size(); ++at)
    if ((text[at] == ' ' || text[at] == '\n') && !ends_in_space(text.substr(0, at))) return at;
  return text.size();
}

}  // namespace sovren::jobs
