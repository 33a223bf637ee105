// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/base/result.h"

namespace sovren::workers {

/// A new folder that only this user can look into (0700; of root 0711), deleted with all in it by
/// the destructor; one whose process was killed is deleted by the next make() in the same place.
class PrivateFolder {
 public:
  /// In `parent`, else in $TMPDIR, else in /tmp; the next one is taken when a folder cannot be
  /// made there or its path would be too long for a socket in it.
  static Result<PrivateFolder> make(const std::string& parent);
  PrivateFolder(PrivateFolder&& other) noexcept
      : path_(std::exchange(other.path_, "")), lock_fd_(std::exchange(other.lock_fd_, -1)) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder();
  const std::string& path() const { return path_; }

 private:
  explicit PrivateFolder(std::string path);
  std::string path_;
  int lock_fd_ = -1;  ///< the folder itself, locked (flock) as long as its process lives
};

}  // namespace sovren::workers
