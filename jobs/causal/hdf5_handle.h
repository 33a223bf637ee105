// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <utility>

namespace sovren::jobs {

/// An HDF5 identifier with one owner; closed by the function it came with. Negative: none.
/// hid_t is a 64-bit integer, so that this header needs no HDF5.
class Hdf5Handle {
 public:
  using Id = std::int64_t;
  using Close = int (*)(Id);

  Hdf5Handle(Id id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept
      : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&&) = delete;
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  Id get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }

 private:
  Id id_;
  Close close_;
};

/// Keeps HDF5 from printing its error stack for as long as it lives.
class Hdf5Silence {
 public:
  Hdf5Silence();
  ~Hdf5Silence();
  Hdf5Silence(const Hdf5Silence&) = delete;
  Hdf5Silence& operator=(const Hdf5Silence&) = delete;

 private:
  int (*print_)(std::int64_t, void*) = nullptr;
  void* data_ = nullptr;
};

}  // namespace sovren::jobs
