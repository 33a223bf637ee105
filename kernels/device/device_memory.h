// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>

#include "core/base/result.h"

namespace sovren::kernels {

// For .cu files: defined where the CUDA backend is built.

/// A CUDA status (cudaError_t) as an error that says what was being done.
Result<void> check_cuda(int status, const char* activity);

Result<void> allocate_on_device(void** data, std::size_t bytes);
void free_on_device(void* data);
Result<void> copy_to_device(void* to, const void* from, std::size_t bytes);
/// Waits for what was started, and fails with it.
Result<void> copy_from_device(void* to, const void* from, std::size_t bytes, const char* activity);

/// Room for plain values on the device, given back with the object. Grows, and keeps what it has.
template <class T>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() { free_on_device(data_); }

  T* data() const { return static_cast<T*>(data_); }

  /// Contents are lost when it grows.
  Result<void> reserve(std::size_t size) {
    if (size <= size_) return {};
    free_on_device(data_);
    data_ = nullptr;
    size_ = 0;
    SOVREN_DO(allocate_on_device(&data_, size * sizeof(T)));
    size_ = size;
    return {};
  }
  Result<void> upload(std::span<const T> from) {
    SOVREN_DO(reserve(from.size()));
    return copy_to_device(data_, from.data(), from.size_bytes());
  }
  Result<void> download(std::span<T> to, const char* activity) const {
    return copy_from_device(to.data(), data_, to.size_bytes(), activity);
  }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace sovren::kernels
