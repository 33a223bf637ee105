// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/job_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "scheduler/api/descriptor.h"

namespace sovren::api {
namespace {

Error log_error(const std::string& path) {
  const bool is_missing = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
  return {.code = is_missing ? Code::not_found : Code::storage_io,
          .what = is_missing ? "there is no such log"
                             : "the log cannot be read: " + std::string(std::strerror(errno)),
          .hint = is_missing ? "has the job started, and has it so many ranks?" : "",
          .where = path};
}

}  // namespace

Result<LogPart> read_job_log(const std::string& job_dir, int rank, std::int64_t offset,
                             std::int64_t limit_bytes) {
  char name[32];
  std::snprintf(name, sizeof(name), "rank-%04d.log", rank);
  const std::string path = job_dir + "/logs/" + name;
  const Descriptor dir(
      ::open((job_dir + "/logs").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (dir.get() < 0) return fail(log_error(path));
  const Descriptor file(::openat(dir.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (file.get() < 0) return fail(log_error(path));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(log_error(path));
  // A second name could be that of a file which the job's user may not read.
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1)
    return fail({.code = Code::not_found, .what = "the log is no regular file", .where = path});
  LogPart part{.size_bytes = status.st_size};
  part.offset = offset >= 0 ? offset : std::max<std::int64_t>(0, status.st_size + offset);
  part.bytes.resize(static_cast<std::size_t>(
      std::clamp<std::int64_t>(status.st_size - part.offset, 0, limit_bytes)));
  std::size_t filled = 0;
  while (filled < part.bytes.size()) {
    const ssize_t got = ::pread(file.get(), part.bytes.data() + filled, part.bytes.size() - filled,
                                part.offset + static_cast<off_t>(filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(log_error(path));
    if (got == 0) break;  // it was cut short meanwhile
    filled += static_cast<std::size_t>(got);
  }
  part.bytes.resize(filled);
  return part;
}

}  // namespace sovren::api
