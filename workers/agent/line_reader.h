// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sovren::workers {

/// Cuts a stream of bytes into lines. A line longer than the limit is dropped whole and counted, so
/// a peer that never ends its line costs no more memory than that.
class LineReader {
 public:
  explicit LineReader(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Appends the lines that these bytes complete, without their ends; empty ones are left out.
  void feed(std::string_view bytes, std::vector<std::string>& lines) {
    while (!bytes.empty()) {
      const auto end = bytes.find('\n');
      take(bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      if (is_too_long_)
        ++dropped_;
      else if (!part_.empty())
        lines.push_back(std::move(part_));
      part_.clear();
      is_too_long_ = false;
      bytes.remove_prefix(end + 1);
    }
  }

  /// Lines that were too long, so far.
  std::int64_t dropped() const { return dropped_; }

 private:
  void take(std::string_view bytes) {
    if (part_.size() + bytes.size() > limit_bytes_) is_too_long_ = true;
    if (is_too_long_)
      part_.clear();
    else
      part_ += bytes;
  }

  const std::size_t limit_bytes_;
  std::string part_;
  bool is_too_long_ = false;
  std::int64_t dropped_ = 0;
};

}  // namespace sovren::workers
