// SPDX-License-Identifier: Apache-2.0
#include "core/text/nearest.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sovren::text {
namespace {

constexpr std::size_t word_length_max = 64;  // longer ones are no slips of the finger
constexpr std::size_t prefix_length_min = 3;

std::string folded(std::string_view word) {
  std::string text(word);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '-') c = '_';
  }
  return text;
}

std::string only_completion(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() < prefix_length_min) return {};
  std::string found;
  for (const std::string_view candidate : candidates) {
    if (!folded(candidate).starts_with(word)) continue;
    if (!found.empty()) return {};
    found = candidate;
  }
  return found;
}

}  // namespace

std::size_t damerau_levenshtein(std::string_view a, std::string_view b) {
  const std::size_t columns = b.size() + 2;
  const std::size_t infinite = a.size() + b.size();
  // Row and column 0 hold `infinite`, so that a swap never reaches before the words' beginnings.
  std::vector<std::size_t> distance((a.size() + 2) * columns, infinite);
  const auto at = [&](std::size_t row, std::size_t column) -> std::size_t& {
    return distance[row * columns + column];
  };
  for (std::size_t i = 0; i <= a.size(); ++i) at(i + 1, 1) = i;
  for (std::size_t j = 0; j <= b.size(); ++j) at(1, j + 1) = j;
  std::array<std::size_t, 256> last_row{};  // of each character, where it was last seen in a
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t last_column = 0;  // where a[i - 1] was last seen in b
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t row = last_row[static_cast<unsigned char>(b[j - 1])];
      const std::size_t column = last_column;
      const bool same = a[i - 1] == b[j - 1];
      if (same) last_column = j;
      const std::size_t swapped = at(row, column) + (i - row - 1) + 1 + (j - column - 1);
      at(i + 1, j + 1) = std::min({at(i, j) + (same ? 0 : 1), at(i + 1, j) + 1, at(i, j + 1) + 1,
                                   row > 0 && column > 0 ? swapped : infinite});
    }
    last_row[static_cast<unsigned char>(a[i - 1])] = i;
  }
  return at(a.size() + 1, b.size() + 1);
}

std::string nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > word_length_max) return {};
  const std::string mine = folded(word);
  std::string best;
  std::size_t best_distance = word_length_max;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > word_length_max) continue;
    const std::size_t limit = std::max(mine.size(), candidate.size()) / 3;
    const std::size_t distance = damerau_levenshtein(mine, folded(candidate));
    if (distance > std::max<std::size_t>(limit, 1) || distance >= best_distance) continue;
    if (distance >= std::min(mine.size(), candidate.size())) continue;  // nothing in common
    best = candidate;
    best_distance = distance;
  }
  return best.empty() ? only_completion(mine, candidates) : best;
}

}  // namespace sovren::text
