// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_writer.h"

#include <utility>
#include <vector>

#include "storage/checkpoint/background.h"

namespace sovren::storage {
namespace {

// Nobody reads a set soon, but after a failure: the page cache is left to the job.
constexpr std::int64_t direct_bytes_min = std::int64_t{4} << 20;

}  // namespace

Result<ShardWriter> ShardWriter::create(const std::string& path, std::int64_t bytes,
                                        DigestKind digest) {
  const auto way = bytes >= direct_bytes_min ? FileWriter::Way::direct : FileWriter::Way::cached;
  SOVREN_TRY(file, FileWriter::create(path, way));
  SOVREN_DO(file.reserve(bytes));
  return ShardWriter(std::move(file), digest);
}

ShardWriter::ShardWriter(FileWriter file, DigestKind digest)
    : file_(std::move(file)), digest_(digest) {}

Result<void> ShardWriter::append(std::span<const std::byte> data) {
  constexpr std::size_t thread_bytes_min = std::size_t{1} << 20;
  const auto sum = [&] { digest_.update(data); };
  std::future<void> summing;
  if (data.size() >= thread_bytes_min)
    summing = in_background(sum);
  else
    sum();
  auto written = file_.append(data);
  if (summing.valid()) summing.get();
  return written;
}

Result<FileDigest> ShardWriter::finish() {
  SOVREN_DO(file_.finish());
  return digest_.finish();
}

Result<FileDigest> write_shard(const std::string& path,
                               std::span<const std::span<const std::byte>> pieces,
                               DigestKind digest) {
  // Small pieces are put together, large ones are written from where they are.
  constexpr std::size_t small_bytes = std::size_t{64} << 10;
  constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
  std::int64_t bytes = 0;
  for (const auto& piece : pieces) bytes += static_cast<std::int64_t>(piece.size());
  SOVREN_TRY(writer, ShardWriter::create(path, bytes, digest));
  std::vector<std::byte> buffer;
  for (const auto& piece : pieces) {
    if (piece.size() < small_bytes) {
      buffer.insert(buffer.end(), piece.begin(), piece.end());
      if (buffer.size() < buffer_bytes) continue;
    }
    SOVREN_DO(writer.append(buffer));
    buffer.clear();
    if (piece.size() >= small_bytes) SOVREN_DO(writer.append(piece));
  }
  SOVREN_DO(writer.append(buffer));
  return writer.finish();
}

}  // namespace sovren::storage
