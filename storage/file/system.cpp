// SPDX-License-Identifier: Apache-2.0
#include "storage/file/system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace sovren::storage {

int System::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}
ssize_t System::write(int fd, const void* data, std::size_t size) {
  return ::write(fd, data, size);
}
int System::fallocate(int fd, off_t size) {
  return ::fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size);
}
int System::leave_direct(int fd) {
  return ::fcntl(fd, F_SETFL, 0);
}
int System::start_writeback(int fd, off_t offset, off_t size) {
  return ::sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
}
int System::fsync(int fd) {
  return ::fsync(fd);
}
int System::close(int fd) {
  return ::close(fd);
}
int System::rename(const char* from, const char* to) {
  return ::rename(from, to);
}
int System::link(const char* from, const char* to) {
  return ::link(from, to);
}
int System::mkdir(const char* path, mode_t mode) {
  return ::mkdir(path, mode);
}
int System::unlink(const char* path) {
  return ::unlink(path);
}
int System::rmdir(const char* path) {
  return ::rmdir(path);
}

namespace {

std::atomic<System*> replaced{nullptr};

std::string hint_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "free space or choose another folder with --dir";
    case EROFS:
      return "the folder is read-only: choose another with --dir";
    case EACCES:
    case EPERM:
      return "the folder is read-only for this user: choose another with --dir, or change its "
             "permissions";
    case EFBIG:
      return "the file is over the size limit of this process or file system: see `ulimit -f`";
    case EMFILE:
    case ENFILE:
      return "too many open files: raise `ulimit -n`";
    case EIO:
      return "the disk or its connection failed: look at the kernel log, choose another folder "
             "with --dir";
    default:
      return "";
  }
}

}  // namespace

System& system_calls() {
  static System real;
  System* const system = replaced.load(std::memory_order_acquire);
  return system != nullptr ? *system : real;
}

void replace_system_calls(System* system) {
  replaced.store(system, std::memory_order_release);
}

Error io_error(std::string_view activity, const std::string& path, int error_number) {
  const char* const symbol = strerrorname_np(error_number);
  const char* const text = strerrordesc_np(error_number);
  return {.code = Code::storage_io,
          .what = "cannot " + std::string(activity) + " '" + path +
                  "': " + (text != nullptr ? text : "unknown error") + " (" +
                  (symbol != nullptr ? symbol : std::to_string(error_number)) + ")",
          .hint = hint_for(error_number),
          .where = path};
}

}  // namespace sovren::storage
