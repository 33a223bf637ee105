// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/result.h"
#include "storage/checkpoint/shard_digest.h"
#include "storage/file/file.h"

namespace sovren::storage {

/// A shard being written front to back: every byte goes through here into the file and into its
/// digest, from the same memory. Errors are sticky.
class ShardWriter {
 public:
  /// Makes the file, and takes the space for `bytes` of it.
  static Result<ShardWriter> create(const std::string& path, std::int64_t bytes, DigestKind digest);
  /// Large ones are summed by a second thread while they are written.
  Result<void> append(std::span<const std::byte> data);
  /// fsync and close.
  Result<FileDigest> finish();

 private:
  ShardWriter(FileWriter file, DigestKind digest);
  FileWriter file_;
  ShardDigest digest_;
};

/// Writes the pieces as one new file, durably, and returns what was written.
Result<FileDigest> write_shard(const std::string& path,
                               std::span<const std::span<const std::byte>> pieces,
                               DigestKind digest);

}  // namespace sovren::storage
