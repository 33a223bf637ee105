// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/text_lines.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

namespace sovren::jobs {

bool TextLines::next() {
  while (at_ < text_.size()) {
    line_ = next_line_;
    std::string_view line;
    bool goes_on = false;
    joined_.clear();
    do {
      const std::size_t end = std::min(text_.find('\n', at_), text_.size());
      line = text_.substr(at_, end - at_);
      at_ = std::min(end + 1, text_.size());
      ++next_line_;
      if (line.ends_with('\r')) line.remove_suffix(1);
      const bool went_on = goes_on;
      goes_on = line.ends_with('\\') && at_ < text_.size();
      if (goes_on) line.remove_suffix(1);
      if (goes_on || went_on) joined_.append(line).append(" ");
    } while (goes_on);
    if (!joined_.empty()) line = joined_;
    line = line.substr(0, line.find('#'));
    words_.clear();
    while (true) {
      const std::size_t begin = line.find_first_not_of(" \t");
      if (begin == line.npos) break;
      line.remove_prefix(begin);
      const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
      words_.push_back(line.substr(0, end));
      line.remove_prefix(end);
    }
    if (!words_.empty()) return true;
  }
  return false;
}

std::string TextLines::rest(std::size_t first) const {
  if (first >= words_.size()) return {};
  const char* begin = words_[first].data();
  return {begin, words_.back().data() + words_.back().size()};
}

Result<float> TextLines::number(std::size_t word) const {
  if (word >= words_.size())
    return fail(
        wrong("'" + std::string(words_[0].substr(0, 20)) + "' is followed by too few numbers"));
  std::string_view text = words_[word];
  if (text.starts_with('+')) text.remove_prefix(1);
  // As a double: what is too small for a float is 0.
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = end == text.data() + text.size() && error != std::errc::invalid_argument;
  if (!is_number || !(std::abs(value) <= std::numeric_limits<float>::max()))
    return fail(wrong("'" + std::string(words_[word].substr(0, 20)) + "' is no finite number"));
  return static_cast<float>(value);
}

Error TextLines::wrong(std::string what) const {
  return {.code = Code::data_invalid, .what = std::move(what), .where = where()};
}

}  // namespace sovren::jobs
