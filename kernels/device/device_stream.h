// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "core/base/result.h"

namespace sovren::kernels {

// Defined where the CUDA backend is built. Errors: device.

/// From here on this thread's CUDA calls go to used_device().
Result<void> enter_device();
/// What is left of the memory of the device.
Result<std::int64_t> free_device_bytes();

/// Work on the device, in the order in which it was queued.
class DeviceStream {
 public:
  static Result<std::unique_ptr<DeviceStream>> make();
  ~DeviceStream();
  DeviceStream(const DeviceStream&) = delete;
  DeviceStream& operator=(const DeviceStream&) = delete;

  void* handle() const { return stream_; }  ///< cudaStream_t
  /// Until all that is queued is done.
  Result<void> wait() const;
  /// What is queued here later starts after what is queued on `other` now.
  Result<void> follow(const DeviceStream& other) const;

  // Queued. The host's memory is left alone until the copy is done; where it is a PinnedMemory, the
  // call does not wait.
  Result<void> copy_to_device(void* to, const void* from, std::size_t bytes) const;
  Result<void> copy_to_host(void* to, const void* from, std::size_t bytes) const;
  Result<void> fill_with_zero(void* data, std::size_t bytes) const;

 private:
  DeviceStream() = default;
  void* stream_ = nullptr;
  void* event_ = nullptr;
};

/// A place in a stream's work, to wait for.
class DeviceMark {
 public:
  DeviceMark() = default;
  ~DeviceMark();
  DeviceMark(const DeviceMark&) = delete;
  DeviceMark& operator=(const DeviceMark&) = delete;

  /// After all that is queued now.
  Result<void> set(const DeviceStream& stream);
  /// Until what was queued before the mark is done; at once where none was set.
  Result<void> wait() const;

 private:
  void* event_ = nullptr;
};

/// Work that was captured once, to be queued again in one call.
class DeviceGraph {
 public:
  DeviceGraph() = default;
  ~DeviceGraph();
  DeviceGraph(const DeviceGraph&) = delete;
  DeviceGraph& operator=(const DeviceGraph&) = delete;

  bool is_made() const { return graph_ != nullptr; }
  /// What `work` queues on the stream becomes the graph; it is not run.
  Result<void> capture(const DeviceStream& stream, const std::function<Result<void>()>& work);
  Result<void> launch(const DeviceStream& stream) const;

 private:
  void* graph_ = nullptr;
};

/// Memory of the host that the device reads and writes by itself.
class PinnedMemory {
 public:
  PinnedMemory() = default;
  ~PinnedMemory();
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;

  Result<void> make(std::size_t bytes);
  std::byte* data() const { return static_cast<std::byte*>(data_); }

 private:
  void* data_ = nullptr;
};

}  // namespace sovren::kernels
