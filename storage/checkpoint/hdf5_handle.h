// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

#include "core/base/error.h"

namespace sovren::storage {

// For the .cpp files here that call HDF5; hdf5.h itself is in no header.

using Hdf5Id = std::int64_t;  ///< hid_t

/// Held around every use of HDF5: Debian's library is built without thread safety. The first use
/// turns off HDF5's printing of errors and its work at exit, where it crashed after a full disk.
std::unique_lock<std::mutex> lock_hdf5();

/// storage_io with the innermost line of HDF5's error stack, which is cleared.
Error hdf5_error(const std::string& activity);

/// An HDF5 id with its closing function.
class Hdf5Handle {
 public:
  using Close = int (*)(Hdf5Id);
  Hdf5Handle(Hdf5Id id, Close closing) : id_(id), close_(closing) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  Hdf5Id id() const { return id_; }
  bool is_open() const { return id_ >= 0; }
  /// Closes now; false when HDF5 reports a failure.
  bool close() { return id_ < 0 || close_(std::exchange(id_, -1)) >= 0; }

 private:
  Hdf5Id id_;
  Close close_;
};

}  // namespace sovren::storage
