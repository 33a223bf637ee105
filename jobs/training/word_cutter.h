// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>

namespace sovren::jobs {

/// Bytes of the first word of a text that is not empty, cut as GPT-2 does, so that no token spans
/// two words:
///
///   's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// Bytes that are no UTF-8 belong to the third class of words.
///
/// Source   Radford et al. 2019, section 2.2; the pattern of OpenAI's encoder.py.
std::size_t first_word(std::string_view text);

/// A place at or behind `from` where cutting a text into two leaves its words as they are: before
/// a space or line feed that follows what is no space, since no word has anything but spaces before
/// a space in it. The end of the text, when there is none.
std::size_t cut_behind(std::string_view text, std::size_t from);

}  // namespace sovren::jobs
