// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "core/base/result.h"
#include "workers/launch/identity.h"

namespace sovren::workers {

/// A folder of one attempt within the agent's private folder, that only the attempt's user can
/// enter: its socket and the launcher's files. Deleted with all in it by the destructor.
class AttemptFolder {
 public:
  static Result<AttemptFolder> make(const std::string& path, const std::optional<Identity>& owner);
  AttemptFolder(AttemptFolder&& other) noexcept : path_(std::exchange(other.path_, "")) {}
  AttemptFolder& operator=(AttemptFolder&&) = delete;
  ~AttemptFolder();

 private:
  explicit AttemptFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// A small file in it, made by its owner. Errors: storage_io.
Result<void> put_private_file(const std::string& path, const std::string& text,
                              const std::optional<Identity>& owner);

}  // namespace sovren::workers
