// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/device/device_stream.h"

namespace sovren::kernels {

/// Brings arrays from the device to the host in pieces, through two pieces of pinned memory: the
/// device copies into one while the other is being used. Defined where the CUDA backend is built.
///
/// Errors   device, and those of `use`. Where memory cannot be pinned, other memory does: slower.
class DeviceDownload {
 public:
  explicit DeviceDownload(std::size_t piece_bytes = std::size_t{16} << 20)
      : piece_bytes_(piece_bytes) {}

  /// Gets the pieces front to back: where one starts, in bytes, and what it holds until `use`
  /// returns.
  using Use = std::function<Result<void>(std::size_t at, std::span<const std::byte> piece)>;
  Result<void> run(const DeviceStream& stream, const void* from, std::size_t bytes, const Use& use);

 private:
  struct Buffer {
    PinnedMemory pinned;
    std::vector<std::byte> other;
    std::byte* data = nullptr;
    DeviceMark copied;
  };
  void make(Buffer& buffer) const;

  std::size_t piece_bytes_;
  std::array<Buffer, 2> buffers_;
};

}  // namespace sovren::kernels
