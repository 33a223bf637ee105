// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

constexpr std::size_t holder_bytes_max = 512;
constexpr auto poll_interval = std::chrono::milliseconds(10);

std::string holder_of(int fd) {
  std::string text(holder_bytes_max, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.pop_back();
  return text;
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, std::string_view holder,
                                   double wait_s) {
  int fd = -1;
  do {
    fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(io_error("open the lock", path, errno));
  FileLock lock(fd);
  const auto start = std::chrono::steady_clock::now();
  while (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail(io_error("lock", path, errno));
    const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
    if (waited.count() >= wait_s) {
      const std::string other = holder_of(fd);
      return fail(
          {.code = Code::storage_busy,
           .what = "'" + path + "' is locked by " + (other.empty() ? "another process" : other),
           .hint = "wait until it has ended, or choose another folder with --dir",
           .where = path});
    }
    std::this_thread::sleep_for(poll_interval);
  }
  // Who holds it is a help for people, nothing depends on it.
  const std::string text = std::string(holder.substr(0, holder_bytes_max - 1)) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, text.data(), text.size(), 0) < 0)
    return fail(io_error("write the lock", path, errno));
  return lock;
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock& FileLock::operator=(FileLock&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace sovren::storage
