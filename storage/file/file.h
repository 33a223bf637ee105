// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::storage {

// Errors   storage_io with the path, the system's text and a hint (disk full, read-only, no such
// folder); read_file and FileReader: input_missing when the file is not there or not readable.

/// Of addresses, offsets and lengths of direct writes.
inline constexpr std::size_t direct_alignment = 4096;

struct FreeAligned {
  void operator()(std::byte* bytes) const;
};
using AlignedBytes = std::unique_ptr<std::byte, FreeAligned>;
/// Memory for direct writes; null when there is none.
AlignedBytes allocate_aligned(std::size_t size_bytes);

/// A file being written front to back. Errors are sticky: after the first, every call returns it
/// again, and a failed fsync is never retried (the kernel may have dropped the pages; Rebello et
/// al., ATC 2020).
class FileWriter {
 public:
  /// cached: through the kernel's page cache. direct: past it, where the file system can: for large
  /// files that this machine will not read soon; a third of the CPU time.
  enum class Way { cached, direct };
  /// Creates the file; it must not exist. Its folder must.
  static Result<FileWriter> create(const std::string& path, Way way = Way::cached);
  FileWriter(FileWriter&& other) noexcept;
  FileWriter& operator=(FileWriter&& other) noexcept;
  ~FileWriter();

  /// Takes the disk space of a file of this size now, where the file system can; a full disk is
  /// seen here and not in the middle of writing.
  Result<void> reserve(std::int64_t size_bytes);
  /// cached: also lets the kernel start writing out what has come together, so that finish() waits
  /// less. direct: data at an address that is a multiple of direct_alignment is written from there;
  /// else it is copied first.
  Result<void> append(std::span<const std::byte> data);
  Result<void> append(std::string_view text) {
    return append(std::as_bytes(std::span(text.data(), text.size())));
  }
  /// fsync and close; the file's bytes survive power loss, its name only after sync_directory().
  Result<void> finish();
  /// Appended so far.
  std::int64_t size_bytes() const { return size_bytes_ + static_cast<std::int64_t>(held_bytes_); }

 private:
  explicit FileWriter(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  tl::unexpected<Error> keep(Error error);
  Result<void> write_out(std::span<const std::byte> data);
  Result<void> write_held(std::size_t bytes);
  Result<void> leave_direct();

  std::string path_;
  int fd_ = -1;
  std::int64_t size_bytes_ = 0;     ///< in the file
  std::int64_t started_bytes_ = 0;  ///< front part whose write-out has been started
  bool is_direct_ = false;
  AlignedBytes held_;  ///< direct: what is written next
  std::size_t held_bytes_ = 0;
  std::vector<Error> failure_;  ///< empty or one
};

/// A file open for reading at any place. Only regular files; symbolic links are not followed.
class FileReader {
 public:
  static Result<FileReader> open(const std::string& path);
  FileReader(FileReader&& other) noexcept;
  FileReader& operator=(FileReader&& other) noexcept;
  ~FileReader();

  /// Size when it was opened.
  std::int64_t size_bytes() const { return size_bytes_; }
  /// Fills out; a file that ends before is storage_corrupt.
  Result<void> read_at(std::int64_t offset, std::span<std::byte> out) const;

 private:
  FileReader(std::string path, int fd, std::int64_t size_bytes)
      : path_(std::move(path)), fd_(fd), size_bytes_(size_bytes) {}

  std::string path_;
  int fd_ = -1;
  std::int64_t size_bytes_ = 0;
};

/// Whole contents. limit_bytes: larger files are refused.
Result<std::string> read_file(const std::string& path,
                              std::int64_t limit_bytes = std::int64_t{1} << 31);

/// Replaces path by a file with these bytes: a reader sees the old or the new content, never a mix,
/// also after power loss.
Result<void> write_file_atomic(const std::string& path, std::string_view bytes);
/// The same with what `write` appends, for more than one wants to hold in memory.
Result<void> write_file_atomic(const std::string& path,
                               const std::function<Result<void>(FileWriter&)>& write);

/// As mkdir -p, and durable.
Result<void> make_directories(const std::string& path);
Result<void> sync_directory(const std::string& path);
/// rename(2) and fsync of the parents of both.
Result<void> rename_durable(const std::string& from, const std::string& to);
/// Deletes a folder and all in it, or a file; no error if it is not there. Does not follow links.
Result<void> remove_tree(const std::string& path);
/// Names in a folder, sorted, without . and ..; empty if it is not there.
Result<std::vector<std::string>> list_directory(const std::string& path);
/// True when something of this name is there, also a dangling link.
bool path_exists(const std::string& path);

/// Free bytes for this user on the file system of path, or of its nearest parent that is there.
Result<std::int64_t> free_bytes(const std::string& path);
/// "nfs", "lustre", ... when path (or its nearest parent that is there) lies on a network file
/// system, where locks and mmap cannot be trusted; else empty.
std::string network_file_system(const std::string& path);
/// The same for a statfs(2) magic number.
std::string_view network_file_system_of_magic(std::uint64_t magic);

/// "The folder that path is in": "a/b" -> "a", "a" -> ".", "/a" -> "/".
std::string parent_directory(const std::string& path);

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
