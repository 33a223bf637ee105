// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/input_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "core/text/nearest.h"

namespace sovren::jobs {

namespace {

namespace fs = std::filesystem;

/// "did you mean 'data.csv'?" from the names in the same folder.
std::string nearest_file_hint(const std::string& path) {
  const fs::path wanted(path);
  const fs::path folder = wanted.has_parent_path() ? wanted.parent_path() : fs::path(".");
  std::error_code error;
  if (!fs::is_directory(folder, error)) return "there is no folder " + folder.string();
  std::vector<std::string> names;
  constexpr std::size_t names_max = 10000;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
    if (names.size() == names_max) break;
  }
  std::sort(names.begin(), names.end());
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const std::string near = text::nearest(wanted.filename().string(), candidates);
  if (!near.empty()) return "did you mean '" + near + "'?";
  // The paths of a job file have been made absolute.
  return wanted.is_absolute() ? "paths are taken from the folder of the job file" : "";
}

}  // namespace

Error cannot_read(const std::string& path, int reason) {
  Error error{.code = Code::input_missing, .where = path};
  if (reason == ENOENT || reason == ENOTDIR) {
    error.what = "there is no such file";
    error.hint = nearest_file_hint(path);
  } else {
    error.what = std::string("cannot be read: ") + std::strerror(reason);
  }
  return error;
}

Result<MappedFile> MappedFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail(cannot_read(path, errno));
  struct stat status {};
  const int failed = ::fstat(fd, &status) == 0 ? 0 : errno;
  void* at = nullptr;
  if (failed == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
    at = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_SHARED, fd, 0);
  const int reason = failed != 0 ? failed : at == MAP_FAILED ? errno : 0;
  ::close(fd);
  if (reason != 0) return fail(cannot_read(path, reason));
  if (!S_ISREG(status.st_mode))
    return fail({.code = Code::input_missing,
                 .what = S_ISDIR(status.st_mode) ? "is a folder, not a file" : "is no regular file",
                 .where = path});
  if (at == nullptr) return MappedFile({});
  return MappedFile({static_cast<const std::byte*>(at), static_cast<std::size_t>(status.st_size)});
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace sovren::jobs
