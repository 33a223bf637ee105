// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/shard_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "storage/checkpoint/background.h"

namespace sovren::storage {
namespace {

// Nobody reads a set soon, but after a failure: the page cache is left to the job. Smaller shards
// are written at once, and summed while the disk works: SHA-256 of them takes as long as an fsync.
constexpr std::int64_t large_bytes_min = std::int64_t{4} << 20;

}  // namespace

Result<ShardWriter> ShardWriter::create(const std::string& path, std::int64_t bytes,
                                        ShardForm form) {
  const bool is_small = bytes < large_bytes_min;
  const auto way = is_small ? FileWriter::Way::cached : FileWriter::Way::direct;
  SOVREN_TRY(file, FileWriter::create(path, way));
  SOVREN_DO(file.reserve(form.cipher ? stored_bytes(bytes) : bytes));
  ShardWriter writer(std::move(file), form, is_small);
  if (!form.cipher) return writer;
  writer.begun_.reserve(static_cast<std::size_t>(std::min(bytes, plain_block_bytes)));
  writer.stored_ = allocate_aligned(static_cast<std::size_t>(block_bytes));
  if (writer.stored_) return writer;
  return fail({.code = Code::out_of_memory,
               .what = "there is no memory for encrypting a checkpoint",
               .hint = "",
               .where = path});
}

ShardWriter::ShardWriter(FileWriter file, ShardForm form, bool is_small)
    : file_(std::move(file)), digest_(form.digest), cipher_(form.cipher), is_small_(is_small) {}

Result<void> ShardWriter::append(std::span<const std::byte> data) {
  return cipher_ ? encrypt(data) : write(data);
}

/// A block is written when the first byte of the next one comes: the last one says that it is.
Result<void> ShardWriter::encrypt(std::span<const std::byte> data) {
  constexpr auto whole = static_cast<std::size_t>(plain_block_bytes);
  while (!data.empty()) {
    if (begun_.size() == whole) {
      SOVREN_DO(write_block(begun_, false));
      begun_.clear();
    }
    if (begun_.empty() && data.size() > whole) {
      SOVREN_DO(write_block(data.first(whole), false));
      data = data.subspan(whole);
      continue;
    }
    const std::size_t size = std::min(data.size(), whole - begun_.size());
    begun_.insert(begun_.end(), data.begin(), data.begin() + static_cast<std::ptrdiff_t>(size));
    data = data.subspan(size);
  }
  return {};
}

Result<void> ShardWriter::write_block(std::span<const std::byte> plain, bool is_last) {
  const std::span stored(stored_.get(), plain.size() + gcm_tag_bytes);
  cipher_->set->encrypt({cipher_->shard, block_, is_last}, plain, stored);
  ++block_;
  return write(stored);
}

Result<void> ShardWriter::write(std::span<const std::byte> data) {
  constexpr std::size_t thread_bytes_min = std::size_t{1} << 20;
  if (is_small_) {
    unsummed_.insert(unsummed_.end(), data.begin(), data.end());
    return file_.append(data);
  }
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
  if (cipher_) SOVREN_DO(write_block(begun_, true));
  auto summing = in_background([this] { digest_.update(unsummed_); });
  auto finished = file_.finish();
  if (summing.valid()) summing.get();
  if (!finished) return fail(std::move(finished).error());
  return digest_.finish();
}

Result<void> PieceWriter::append(std::span<const std::byte> piece) {
  constexpr std::size_t small_bytes = std::size_t{64} << 10;
  constexpr std::size_t buffer_bytes = std::size_t{1} << 20;
  if (piece.size() < small_bytes) {
    small_.insert(small_.end(), piece.begin(), piece.end());
    if (small_.size() < buffer_bytes) return {};
  }
  SOVREN_DO(writer_.append(small_));
  small_.clear();
  return piece.size() < small_bytes ? Result<void>() : writer_.append(piece);
}

Result<FileDigest> PieceWriter::finish() {
  SOVREN_DO(writer_.append(small_));
  return writer_.finish();
}

Result<FileDigest> write_shard(const std::string& path,
                               std::span<const std::span<const std::byte>> pieces, ShardForm form) {
  std::int64_t bytes = 0;
  for (const auto& piece : pieces) bytes += static_cast<std::int64_t>(piece.size());
  SOVREN_TRY(shard, ShardWriter::create(path, bytes, std::move(form)));
  PieceWriter writer(std::move(shard));
  for (const auto& piece : pieces) SOVREN_DO(writer.append(piece));
  return writer.finish();
}

}  // namespace sovren::storage
