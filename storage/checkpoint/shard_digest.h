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

/// What is computed besides the CRCs: nothing, or SHA-256, which costs four times as much.
enum class DigestKind { sha256, crc32c };

/// What a manifest knows of the bytes of a file.
struct FileDigest {
  std::int64_t bytes = 0;
  std::string sha256;                 ///< 64 hex digits; empty: the CRCs are all there is
  std::vector<std::uint32_t> crc32c;  ///< one per block_bytes begun
  bool operator==(const FileDigest&) const = default;
};

/// FileDigest of a stream of bytes.
class ShardDigest {
 public:
  explicit ShardDigest(DigestKind kind = DigestKind::sha256) : kind_(kind) {}
  void update(std::span<const std::byte> data);
  /// Ends the stream.
  FileDigest finish();

 private:
  DigestKind kind_;
  text::Sha256 sha256_;
  FileDigest digest_;
};

}  // namespace sovren::storage
