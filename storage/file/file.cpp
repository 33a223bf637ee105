// SPDX-License-Identifier: Apache-2.0
#include "storage/file/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/base/check.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

// Write-out is started in pieces of 8 MiB: large enough for one request queue, small enough that
// fsync finds little left (docs/adr/0002).
constexpr std::int64_t writeback_bytes = std::int64_t{8} << 20;
// Linux writes at most 2 GiB - 4 KiB in one call.
constexpr std::size_t write_bytes_max = std::size_t{1} << 30;
// Direct writing: smaller pieces are put together.
constexpr std::size_t held_bytes_max = std::size_t{1} << 20;

/// Calls again for as long as a signal interrupts.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

bool is_unsupported(int error_number) {
  return error_number == EOPNOTSUPP || error_number == ENOSYS || error_number == EINVAL ||
         error_number == ESPIPE || error_number == EPERM;
}

Error read_error(const std::string& path, int error_number) {
  Error error = io_error("read", path, error_number);
  if (error_number == ENOENT || error_number == ENOTDIR || error_number == EACCES ||
      error_number == EISDIR || error_number == ELOOP)
    error.code = Code::input_missing;
  if (error_number == EACCES) error.hint = "this user may not read it: change its permissions";
  return error;
}

}  // namespace

void FreeAligned::operator()(std::byte* bytes) const {
  std::free(bytes);
}

AlignedBytes allocate_aligned(std::size_t size_bytes) {
  const std::size_t pages = (size_bytes + direct_alignment - 1) / direct_alignment;
  return AlignedBytes(
      static_cast<std::byte*>(std::aligned_alloc(direct_alignment, pages * direct_alignment)));
}

Result<FileWriter> FileWriter::create(const std::string& path, Way way) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  const auto open = [&](int more) {
    return uninterrupted([&] { return system_calls().open(path.c_str(), flags | more, 0666); });
  };
  if (way == Way::direct) {
    if (AlignedBytes held = allocate_aligned(held_bytes_max)) {
      const int fd = open(O_DIRECT);
      if (fd >= 0) {
        FileWriter file(path, fd);
        file.is_direct_ = true;
        file.held_ = std::move(held);
        return file;
      }
      // A file system that cannot may have made the file before it said so.
      if (errno == EINVAL) system_calls().unlink(path.c_str());
    }
  }
  const int fd = open(0);
  if (fd < 0) return fail(io_error("create", path, errno));
  return FileWriter(path, fd);
}

FileWriter::FileWriter(FileWriter&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_bytes_(other.size_bytes_),
      started_bytes_(other.started_bytes_),
      is_direct_(other.is_direct_),
      held_(std::move(other.held_)),
      held_bytes_(other.held_bytes_),
      failure_(std::move(other.failure_)) {}

FileWriter& FileWriter::operator=(FileWriter&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) system_calls().close(fd_);
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
    size_bytes_ = other.size_bytes_;
    started_bytes_ = other.started_bytes_;
    is_direct_ = other.is_direct_;
    held_ = std::move(other.held_);
    held_bytes_ = other.held_bytes_;
    failure_ = std::move(other.failure_);
  }
  return *this;
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) system_calls().close(fd_);
}

tl::unexpected<Error> FileWriter::keep(Error error) {
  if (fd_ >= 0) system_calls().close(std::exchange(fd_, -1));
  failure_.push_back(error);
  return fail(std::move(error));
}

Result<void> FileWriter::reserve(std::int64_t size_bytes) {
  if (!failure_.empty()) return fail(failure_.front());
  SOVREN_CHECK(fd_ >= 0, "a finished file takes no more");
  if (size_bytes <= 0) return {};
  const int done = uninterrupted([&] { return system_calls().fallocate(fd_, size_bytes); });
  if (done != 0 && !is_unsupported(errno)) return keep(io_error("take space for", path_, errno));
  return {};
}

Result<void> FileWriter::append(std::span<const std::byte> data) {
  if (!failure_.empty()) return fail(failure_.front());
  SOVREN_CHECK(fd_ >= 0, "a finished file takes no more");
  while (is_direct_ && !data.empty()) {
    const bool is_aligned = reinterpret_cast<std::uintptr_t>(data.data()) % direct_alignment == 0;
    if (is_aligned && data.size() >= held_bytes_max && held_bytes_ % direct_alignment == 0) {
      SOVREN_DO(write_held(held_bytes_));
      const std::size_t whole = data.size() / direct_alignment * direct_alignment;
      SOVREN_DO(write_out(data.first(whole)));
      data = data.subspan(whole);
    } else {
      const std::size_t size = std::min(data.size(), held_bytes_max - held_bytes_);
      std::memcpy(held_.get() + held_bytes_, data.data(), size);
      held_bytes_ += size;
      data = data.subspan(size);
      if (held_bytes_ == held_bytes_max) SOVREN_DO(write_held(held_bytes_));
    }
  }
  return write_out(data);
}

Result<void> FileWriter::write_out(std::span<const std::byte> data) {
  while (!data.empty()) {
    // In pieces, so that write-out starts while a large buffer is still being copied.
    const auto piece = std::min(data.size(), static_cast<std::size_t>(writeback_bytes));
    const ssize_t written =
        uninterrupted([&] { return system_calls().write(fd_, data.data(), piece); });
    if (written < 0 && errno == EINVAL && is_direct_) {
      // Larger sectors than ours, or an offset that a short write left between two.
      SOVREN_DO(leave_direct());
      continue;
    }
    if (written < 0) return keep(io_error("write", path_, errno));
    if (written == 0) return keep(io_error("write", path_, ENOSPC));
    data = data.subspan(static_cast<std::size_t>(written));
    size_bytes_ += written;
    if (!is_direct_ && size_bytes_ - started_bytes_ >= writeback_bytes) {
      const int started = system_calls().start_writeback(
          fd_, started_bytes_, static_cast<off_t>(size_bytes_ - started_bytes_));
      if (started != 0 && errno != EINTR && !is_unsupported(errno))
        return keep(io_error("write", path_, errno));
      started_bytes_ = size_bytes_;
    }
  }
  return {};
}

/// Writes the front of what is held; the rest moves up.
Result<void> FileWriter::write_held(std::size_t bytes) {
  const std::size_t all = std::exchange(held_bytes_, 0);
  SOVREN_DO(write_out({held_.get(), bytes}));
  std::memmove(held_.get(), held_.get() + bytes, all - bytes);
  held_bytes_ = all - bytes;
  return {};
}

Result<void> FileWriter::leave_direct() {
  if (system_calls().leave_direct(fd_) != 0)
    return keep(io_error("end direct writing of", path_, errno));
  is_direct_ = false;
  started_bytes_ = size_bytes_;
  return {};
}

Result<void> FileWriter::finish() {
  if (!failure_.empty()) return fail(failure_.front());
  SOVREN_CHECK(fd_ >= 0, "finish() is called once");
  if (held_bytes_ > 0) {
    // The end of a file is seldom a whole sector: it goes through the page cache.
    SOVREN_DO(write_held(held_bytes_ / direct_alignment * direct_alignment));
    if (held_bytes_ > 0 && is_direct_) SOVREN_DO(leave_direct());
    SOVREN_DO(write_held(held_bytes_));
  }
  if (uninterrupted([&] { return system_calls().fsync(fd_); }) != 0)
    return keep(io_error("fsync", path_, errno));
  // After EINTR Linux has closed the descriptor, and the bytes are already durable.
  if (system_calls().close(std::exchange(fd_, -1)) != 0 && errno != EINTR)
    return keep(io_error("close", path_, errno));
  return {};
}

Result<FileReader> FileReader::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO put in a file's place must not wait for ever.
  const int fd = uninterrupted(
      [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK); });
  if (fd < 0) return fail(read_error(path, errno));
  FileReader reader(path, fd, 0);
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(read_error(path, errno));
  if (!S_ISREG(status.st_mode)) {
    return fail({.code = Code::input_missing,
                 .what = "'" + path + "' is not a regular file",
                 .hint = "",
                 .where = path});
  }
  reader.size_bytes_ = status.st_size;
  return reader;
}

FileReader::FileReader(FileReader&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      size_bytes_(other.size_bytes_) {}

FileReader& FileReader::operator=(FileReader&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    path_ = std::move(other.path_);
    fd_ = std::exchange(other.fd_, -1);
    size_bytes_ = other.size_bytes_;
  }
  return *this;
}

FileReader::~FileReader() {
  if (fd_ >= 0) ::close(fd_);
}

Result<void> FileReader::read_at(std::int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const auto piece = std::min(out.size(), write_bytes_max);
    const ssize_t got = uninterrupted([&] { return ::pread(fd_, out.data(), piece, offset); });
    if (got < 0) return fail(io_error("read", path_, errno));
    if (got == 0) {
      return fail({.code = Code::storage_corrupt,
                   .what = "'" + path_ + "' ends at byte " + std::to_string(offset) + ", " +
                           std::to_string(out.size()) + " bytes too early",
                   .hint = "",
                   .where = path_});
    }
    out = out.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
  return {};
}

Result<std::string> read_file(const std::string& path, std::int64_t limit_bytes) {
  // Read to the end and not to the size stated, which is 0 for files of /proc.
  const int fd = uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); });
  if (fd < 0) return fail(read_error(path, errno));
  struct Close {
    int fd;
    ~Close() { ::close(fd); }
  } const closer{fd};
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(read_error(path, errno));
  if (S_ISDIR(status.st_mode)) return fail(read_error(path, EISDIR));
  const auto refuse = [&]() -> Result<std::string> {
    return fail({.code = Code::refused,
                 .what = "'" + path + "' is larger than " + std::to_string(limit_bytes) + " bytes",
                 .hint = "",
                 .where = path});
  };
  if (status.st_size > limit_bytes) return refuse();
  std::string bytes;
  std::size_t filled = 0;
  for (;;) {
    bytes.resize(std::max(filled + 65536, static_cast<std::size_t>(status.st_size) + 1));
    const ssize_t got =
        uninterrupted([&] { return ::read(fd, bytes.data() + filled, bytes.size() - filled); });
    if (got < 0) return fail(io_error("read", path, errno));
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
    if (std::cmp_greater(filled, limit_bytes)) return refuse();
  }
  bytes.resize(filled);
  return bytes;
}

Result<void> write_file_atomic(const std::string& path, std::string_view bytes) {
  return write_file_atomic(path, [&](FileWriter& file) { return file.append(bytes); });
}

Result<void> write_file_atomic(const std::string& path,
                               const std::function<Result<void>(FileWriter&)>& write) {
  static std::atomic<unsigned> count{0};
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid()) + "-" +
                                std::to_string(count.fetch_add(1, std::memory_order_relaxed));
  // A name left by a dead process with the same pid.
  if (path_exists(temporary)) SOVREN_DO(remove_tree(temporary));
  auto written = [&]() -> Result<void> {
    SOVREN_TRY(file, FileWriter::create(temporary));
    SOVREN_DO(write(file));
    SOVREN_DO(file.finish());
    return rename_durable(temporary, path);
  }();
  if (!written) system_calls().unlink(temporary.c_str());
  return written;
}

}  // namespace sovren::storage
