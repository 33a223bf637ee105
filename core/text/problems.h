// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/text/job_file.h"
#include "core/text/toml_tree.h"

namespace sovren::text {

/// Collects what is wrong with a job file, and where.
class Problems {
 public:
  Problems(std::string name, std::span<const Override> overrides)
      : name_(std::move(name)), overrides_(overrides) {}
  /// With words of a command line in place of overrides, which outlive it: a place with an
  /// override_index is that word.
  static Problems with_words(std::string name, std::span<const std::string> words) {
    Problems problems(std::move(name), {});
    problems.words_ = words;
    return problems;
  }

  void add(const Place& place, std::string what, std::string hint = {},
           Code code = Code::spec_invalid);
  /// Are more found than are shown? Then nobody will read the next one's hint.
  bool is_full() const { return found_.size() >= found_max; }
  std::size_t count() const { return count_; }
  bool empty() const { return count_ == 0; }

  /// In file order, cut at errors_max.
  Errors in_order() &&;

 private:
  static constexpr std::size_t found_max = 1000;  // in the order of checks, not of the file
  std::string where(const Place& place) const;

  std::string name_;
  std::span<const Override> overrides_;
  std::span<const std::string> words_;
  std::vector<std::pair<Place, Error>> found_;
  std::size_t count_ = 0;
};

}  // namespace sovren::text
