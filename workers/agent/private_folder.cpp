// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/private_folder.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <filesystem>

namespace sovren::workers {
namespace {

// Room for "/123456789-1234.sock" below the folder; sockaddr_un holds 107 bytes.
constexpr std::size_t folder_bytes_max = 107 - 32;

constexpr std::string_view name_start = "sovren-";

// A younger folder may be one that its maker has not locked yet.
constexpr std::time_t abandoned_s_min = 60;

/// An agent that is root has folders of its users in it: they may pass, but not look around.
mode_t folder_mode() {
  return ::geteuid() == 0 ? 0711 : 0700;
}

/// Is this a folder of ours that no living process holds? Looks at the lock, not at process ids:
/// another container may share the place.
bool is_abandoned(const std::string& path) {
  struct stat about {};
  if (::lstat(path.c_str(), &about) != 0 || !S_ISDIR(about.st_mode)) return false;
  if (about.st_uid != ::geteuid() || (about.st_mode & 0766) != 0700) return false;
  if (about.st_mtime > std::time(nullptr) - abandoned_s_min) return false;
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_free = ::flock(fd, LOCK_EX | LOCK_NB) == 0;
  ::close(fd);
  return is_free;
}

void sweep(const std::string& place) {
  namespace fs = std::filesystem;
  std::error_code error;
  for (fs::directory_iterator entry(place, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (!name.starts_with(name_start) || name.size() != name_start.size() + 6) continue;
    std::error_code ignored;
    if (is_abandoned(entry->path().string())) fs::remove_all(entry->path(), ignored);
  }
}

}  // namespace

Result<PrivateFolder> PrivateFolder::make(const std::string& parent) {
  const char* variable = std::getenv("TMPDIR");
  std::string why;
  for (const std::string& place :
       {parent, std::string(variable == nullptr ? "" : variable), std::string("/tmp")}) {
    if (place.empty()) continue;
    std::string path = place + "/" + std::string(name_start) + "XXXXXX";
    if (path.size() > folder_bytes_max) {
      why += " " + place + ": too long a path for a socket;";
      continue;
    }
    sweep(place);
    if (::mkdtemp(path.data()) != nullptr && ::chmod(path.c_str(), folder_mode()) == 0)
      return PrivateFolder(std::move(path));
    why += " " + place + ": " + std::strerror(errno) + ";";
  }
  why.pop_back();
  return fail({.code = Code::storage_io,
               .what = "cannot make a private folder:" + why,
               .hint = "let TMPDIR name a folder that you may write to"});
}

PrivateFolder::PrivateFolder(std::string path)
    : path_(std::move(path)), lock_fd_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (lock_fd_ >= 0) ::flock(lock_fd_, LOCK_EX | LOCK_NB);
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;  // a file that stays in a temporary folder harms nobody
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  if (lock_fd_ >= 0) ::close(lock_fd_);
}

}  // namespace sovren::workers
