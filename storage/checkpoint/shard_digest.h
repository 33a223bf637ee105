// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/text/digest.h"

namespace sovren::storage {

/// CRCs are kept for blocks of this size, so that a reader of a few rows checks only those blocks.
inline constexpr std::int64_t block_bytes = std::int64_t{4} << 20;

/// What a manifest knows of the bytes of a file.
struct FileDigest {
  std::int64_t bytes = 0;
  std::string sha256;                 ///< 64 hex digits
  std::vector<std::uint32_t> crc32c;  ///< one per block_bytes begun
  bool operator==(const FileDigest&) const = default;
};

/// FileDigest of a stream of bytes.
class ShardDigest {
 public:
  void update(std::span<const std::byte> data);
  /// Ends the stream.
  FileDigest finish();

 private:
  text::Sha256 sha256_;
  FileDigest digest_;
};

}  // namespace sovren::storage
