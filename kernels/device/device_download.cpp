// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/device_download.h"

#include <algorithm>

namespace sovren::kernels {

void DeviceDownload::make(Buffer& buffer) const {
  if (buffer.data != nullptr) return;
  if (buffer.pinned.make(piece_bytes_)) {
    buffer.data = buffer.pinned.data();
  } else {
    buffer.other.resize(piece_bytes_);
    buffer.data = buffer.other.data();
  }
}

Result<void> DeviceDownload::run(const DeviceStream& stream, const void* from, std::size_t bytes,
                                 const Use& use) {
  const std::size_t pieces = (bytes + piece_bytes_ - 1) / piece_bytes_;
  const auto buffer_of = [&](std::size_t piece) -> Buffer& { return buffers_[piece % 2]; };
  const auto size_of = [&](std::size_t piece) {
    return std::min(piece_bytes_, bytes - piece * piece_bytes_);
  };
  const auto start = [&](std::size_t piece) -> Result<void> {
    Buffer& buffer = buffer_of(piece);
    make(buffer);
    const auto* const begin = static_cast<const std::byte*>(from) + piece * piece_bytes_;
    SOVREN_DO(stream.copy_to_host(buffer.data, begin, size_of(piece)));
    return buffer.copied.set(stream);
  };
  if (pieces > 0) SOVREN_DO(start(0));
  for (std::size_t piece = 0; piece < pieces; ++piece) {
    if (piece + 1 < pieces) SOVREN_DO(start(piece + 1));
    SOVREN_DO(buffer_of(piece).copied.wait());
    const std::span<const std::byte> whole(buffer_of(piece).data, size_of(piece));
    if (auto used = use(piece * piece_bytes_, whole); !used) {
      SOVREN_DO(stream.wait());  // nothing is copied any more when the buffers go
      return used;
    }
  }
  return {};
}

}  // namespace sovren::kernels
