// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_columns.h"

#include <algorithm>

#include "cli/slurm_ids.h"

namespace sovren::cli {
namespace {

constexpr std::size_t names_width = 20;
constexpr std::size_t width_max = 1 << 20;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// "." and digits at `at`, which moves behind them.
SlurmWidth read_width(std::string_view text, std::size_t& at) {
  SlurmWidth width;
  if (at < text.size() && text[at] == '.') {
    width.is_right = true;
    ++at;
  }
  for (; at < text.size() && is_digit(text[at]); ++at)
    width.size = std::min(width_max, 10 * width.size + static_cast<std::size_t>(text[at] - '0'));
  return width;
}

}  // namespace

std::string fitted(std::string_view value, const SlurmWidth& width) {
  if (width.size == 0) return std::string(value) + width.suffix;
  std::string text(value.substr(0, width.size));
  text.insert(width.is_right ? 0 : text.size(), width.size - text.size(), ' ');
  return text + width.suffix;
}

std::pair<std::string, std::vector<SlurmColumnText>> parse_letters(std::string_view format) {
  std::vector<SlurmColumnText> columns;
  const std::size_t first = std::min(format.find('%'), format.size());
  for (std::size_t at = first; at < format.size();) {
    const std::size_t begin = at++;
    SlurmColumnText column{.field = "", .text = "", .width = read_width(format, at)};
    if (at < format.size()) column.field = format[at++];
    column.text = format.substr(begin, at - begin);
    const std::size_t next = std::min(format.find('%', at), format.size());
    column.width.suffix = format.substr(at, next - at);
    if (column.field.empty()) column.width.suffix.clear();
    column.text += column.width.suffix;
    columns.push_back(std::move(column));
    at = next;
  }
  return {std::string(format.substr(0, first)), columns};
}

std::vector<SlurmColumnText> parse_names(std::string_view format) {
  std::vector<SlurmColumnText> columns;
  for (const std::string& word : slurm_list(format)) {
    const std::size_t colon = std::min(word.find(':'), word.size());
    std::size_t at = std::min(colon + 1, word.size());
    SlurmColumnText column{
        .field = word.substr(0, colon), .text = word, .width = read_width(word, at)};
    column.width.suffix = word.substr(at);
    if (column.width.size == 0) column.width.size = names_width;
    for (char& c : column.field) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    columns.push_back(std::move(column));
  }
  return columns;
}

}  // namespace sovren::cli
