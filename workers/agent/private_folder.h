// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"

namespace sovren::workers {

/// A new folder that only this user can enter (0700), deleted with all in it by the destructor.
class PrivateFolder {
 public:
  /// In `parent`, else in $TMPDIR, else in /tmp; the next one is taken when a folder cannot be
  /// made there or its path would be too long for a socket in it.
  static Result<PrivateFolder> make(const std::string& parent);
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();
  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace sovren::workers
