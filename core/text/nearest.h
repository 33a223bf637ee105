// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace sovren::text {

/// Edits between two words: insert, delete, replace a character, or swap two neighbours.
///
/// Cost     words.a * words.b steps.
/// Source   Damerau 1964; Lowrance and Wagner 1975 (any edits between the swapped characters).
std::size_t damerau_levenshtein(std::string_view a, std::string_view b);

/// The candidate that was probably meant; empty when none is near. Case and '-' for '_' do not
/// count. Near: at most a third of the longer word's letters are edited, or the word is the
/// beginning of exactly one candidate. Of equally near ones, the first.
std::string nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace sovren::text
