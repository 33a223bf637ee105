// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_write.h"

#include <system_error>
#include <thread>
#include <vector>

#include "storage/file/file.h"

namespace sovren::storage {
namespace {

using Pieces = std::span<const std::span<const std::byte>>;

FileDigest digest_of(Pieces pieces) {
  ShardDigest digest;
  for (const auto& piece : pieces) digest.update(piece);
  return digest.finish();
}

/// Small pieces are put together, large ones are written from where they are.
Result<void> append_all(FileWriter& file, Pieces pieces) {
  constexpr std::size_t small_bytes = std::size_t{64} << 10;
  constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
  std::vector<std::byte> buffer;
  for (const auto& piece : pieces) {
    if (piece.size() < small_bytes) {
      buffer.insert(buffer.end(), piece.begin(), piece.end());
      if (buffer.size() < buffer_bytes) continue;
    }
    SOVREN_DO(file.append(buffer));
    buffer.clear();
    if (piece.size() >= small_bytes) SOVREN_DO(file.append(piece));
  }
  return file.append(buffer);
}

Result<void> write_all(const std::string& path, Pieces pieces, std::int64_t bytes) {
  SOVREN_TRY(file, FileWriter::create(path));
  SOVREN_DO(file.reserve(bytes));
  SOVREN_DO(append_all(file, pieces));
  return file.finish();
}

}  // namespace

Result<FileDigest> write_shard(const std::string& path, Pieces pieces) {
  constexpr std::int64_t thread_bytes_min = std::int64_t{1} << 20;
  std::int64_t bytes = 0;
  for (const auto& piece : pieces) bytes += static_cast<std::int64_t>(piece.size());
  FileDigest digest;
  std::thread hashing;
  if (bytes >= thread_bytes_min) {
    try {
      hashing = std::thread([&] { digest = digest_of(pieces); });
    } catch (const std::system_error&) {
      // No thread to be had: one after the other then.
    }
  }
  const auto written = write_all(path, pieces, bytes);
  if (hashing.joinable())
    hashing.join();
  else if (written)
    digest = digest_of(pieces);
  if (!written) return fail(written.error());
  return digest;
}

}  // namespace sovren::storage
