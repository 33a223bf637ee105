// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::storage {

/// A file being written front to back. Errors are sticky: after the first, every call returns it
/// again, and a failed fsync is never retried (the kernel may have dropped the pages; Rebello et
/// al., ATC 2020).
class FileWriter {
 public:
  /// Creates the file; it must not exist.
  static Result<FileWriter> create(const std::string& path);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&& other) noexcept;
  ~FileWriter();

  Result<void> append(std::span<const std::byte> data);
  /// fsync and close; the file's bytes survive power loss, its name only after sync_directory().
  Result<void> finish();
  std::int64_t size_bytes() const { return size_bytes_; }

 private:
  explicit FileWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  Result<void> keep(Error error);

  std::string path_;
  int fd_ = -1;
  std::int64_t size_bytes_ = 0;
  std::vector<Error> failure_;  ///< empty or one
};

/// Whole contents. limit_bytes: larger files are refused.
Result<std::string> read_file(const std::string& path,
                              std::int64_t limit_bytes = std::int64_t{1} << 31);

/// Replaces path by a file with these bytes: a reader sees the old or the new content, never a mix,
/// also after power loss.
Result<void> write_file_atomic(const std::string& path, std::string_view bytes);

Result<void> make_directories(const std::string& path);
Result<void> sync_directory(const std::string& path);
/// rename(2) and fsync of the target's parent.
Result<void> rename_durable(const std::string& from, const std::string& to);
/// Deletes a folder and all in it; no error if it is not there.
Result<void> remove_tree(const std::string& path);
/// Names in a folder, sorted, without . and ..; empty if it is not there.
Result<std::vector<std::string>> list_directory(const std::string& path);

/// Free bytes for this user on the file system of path.
Result<std::int64_t> free_bytes(const std::string& path);
/// "nfs", "lustre", ... when path lies on a network file system, where locks and mmap cannot be
/// trusted; else empty.
std::string network_file_system(const std::string& path);

/// An exclusive lock on a file (flock), held until destruction or process death. The holder's text
/// is left in the file.
class FileLock {
 public:
  /// wait_s 0: fails at once with storage_busy and what the holder wrote.
  static Result<FileLock> acquire(const std::string& path, std::string_view holder, double wait_s);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&& other) noexcept;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace sovren::storage
