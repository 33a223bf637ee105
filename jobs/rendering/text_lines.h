// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::jobs {

/// Lines of a text file in which words stand apart by spaces, as OBJ and MTL have it: a backslash
/// at a line's end joins the next to it, # begins a comment, empty lines are passed over.
class TextLines {
 public:
  TextLines(std::string path, std::string_view text) : path_(std::move(path)), text_(text) {}

  /// Goes to the next line that says something. False: there is none.
  bool next();
  const std::vector<std::string_view>& words() const { return words_; }
  /// The line's words from one on, with what is between them: names of files have spaces.
  std::string rest(std::size_t first) const;

  /// A number of the line. Errors: data_invalid with file and line.
  Result<float> number(std::size_t word) const;
  /// The error for this line.
  Error wrong(std::string what) const;
  std::string where() const { return path_ + ":" + std::to_string(line_); }

 private:
  std::string path_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::int64_t line_ = 0;
  std::int64_t next_line_ = 1;
  std::string joined_;
  std::vector<std::string_view> words_;
};

}  // namespace sovren::jobs
