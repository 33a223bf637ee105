// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace sovren::jobs {

/// The error for an input file that cannot be opened or read. reason: an errno. Where there is no
/// such file, the hint names the file of its folder whose name is nearest.
Error cannot_read(const std::string& path, int reason);

/// The bytes of a file, read when they are looked at, so that it may be larger than memory. The
/// file must not shrink while it is mapped: looking at what is gone ends the process.
class MappedFile {
 public:
  /// Errors   input_missing. An empty file is no error.
  static Result<MappedFile> open(const std::string& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  explicit MappedFile(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::span<const std::byte> bytes_;
};

}  // namespace sovren::jobs
