// SPDX-License-Identifier: Apache-2.0
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>

#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

struct Magic {
  std::uint64_t value;
  std::string_view name;
};

// f_type of statfs(2): from linux/magic.h, and for file systems outside the kernel tree from their
// own sources, as coreutils lists them. virtiofs has the number of FUSE.
constexpr std::array network_magics{
    Magic{0x6969, "nfs"},          Magic{0x517B, "smb"},        Magic{0xFF534D42, "cifs"},
    Magic{0xFE534D42, "smb2"},     Magic{0x0BD00BD0, "lustre"}, Magic{0x47504653, "gpfs"},
    Magic{0x19830326, "beegfs"},   Magic{0x00C36400, "ceph"},   Magic{0x5346414F, "afs"},
    Magic{0x6B414653, "afs"},      Magic{0x01021997, "9p"},     Magic{0x65735546, "fuse"},
    Magic{0x73757245, "coda"},     Magic{0x7461636F, "ocfs2"},  Magic{0x01161970, "gfs2"},
    Magic{0x20030528, "orangefs"}, Magic{0xAAD7AAEA, "panfs"},  Magic{0xBEEFDEAD, "snfs"},
    Magic{0x013111A8, "ibrix"},    Magic{0x61636673, "acfs"},   Magic{0x564C, "ncp"},
    Magic{0x786F4256, "vboxsf"},   Magic{0xBACBACBC, "vmhgfs"}, Magic{0x7C7C6673, "prl_fs"},
};

/// path, or its nearest parent that is there.
std::string existing_part(std::string path) {
  struct stat status {};
  while (::stat(path.c_str(), &status) != 0) {
    const std::string parent = parent_directory(path);
    if (parent == path) break;
    path = parent;
  }
  return path;
}

}  // namespace

std::string parent_directory(const std::string& path) {
  std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path.empty() ? "." : "/";
  end = path.rfind('/', end);
  if (end == std::string::npos) return ".";
  end = path.find_last_not_of('/', end);
  return end == std::string::npos ? "/" : path.substr(0, end + 1);
}

bool path_exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

Result<void> make_directories(const std::string& path) {
  struct stat status {};
  const std::string parent = parent_directory(path);
  if (::stat(path.c_str(), &status) == 0) {
    if (!S_ISDIR(status.st_mode)) return fail(io_error("make the folder", path, ENOTDIR));
    // Whoever made it may have been killed before its name was durable; but none of ours, where
    // this user cannot make any.
    return ::access(parent.c_str(), R_OK | W_OK) == 0 ? sync_directory(parent) : Result<void>();
  }
  if (errno != ENOENT) return fail(io_error("make the folder", path, errno));
  if (parent != path) SOVREN_DO(make_directories(parent));
  if (system_calls().mkdir(path.c_str(), 0777) != 0) {
    // Another rank may have been faster.
    if (errno == EEXIST && ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return {};
    return fail(io_error("make the folder", path, errno));
  }
  return sync_directory(parent);
}

Result<void> sync_directory(const std::string& path) {
  int fd = -1;
  do {
    fd = system_calls().open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(io_error("open the folder", path, errno));
  int synced = 0;
  do {
    synced = system_calls().fsync(fd);
  } while (synced != 0 && errno == EINTR);
  const int error_number = errno;
  system_calls().close(fd);
  // EINVAL: a file system that keeps no directory buffers.
  if (synced != 0 && error_number != EINVAL)
    return fail(io_error("fsync the folder", path, error_number));
  return {};
}

Result<void> rename_durable(const std::string& from, const std::string& to) {
  if (system_calls().rename(from.c_str(), to.c_str()) != 0)
    return fail(io_error("rename '" + from + "' to", to, errno));
  const std::string from_parent = parent_directory(from);
  const std::string to_parent = parent_directory(to);
  // The new name first: power loss between the two may leave both names, never none.
  SOVREN_DO(sync_directory(to_parent));
  if (from_parent != to_parent) SOVREN_DO(sync_directory(from_parent));
  return {};
}

Result<void> remove_tree(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return fail(io_error("delete", path, errno));
  }
  if (S_ISDIR(status.st_mode)) {
    SOVREN_TRY(names, list_directory(path));
    for (const std::string& name : names) SOVREN_DO(remove_tree(path + "/" + name));
    if (system_calls().rmdir(path.c_str()) != 0 && errno != ENOENT)
      return fail(io_error("delete the folder", path, errno));
    return {};
  }
  if (system_calls().unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail(io_error("delete", path, errno));
  return {};
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(path.c_str()));
  std::vector<std::string> names;
  if (directory == nullptr) {
    if (errno == ENOENT) return names;
    return fail(io_error("list the folder", path, errno));
  }
  for (;;) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail(io_error("list the folder", path, errno));
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::int64_t> free_bytes(const std::string& path) {
  const std::string there = existing_part(path);
  struct statvfs status {};
  if (::statvfs(there.c_str(), &status) != 0)
    return fail(io_error("ask for the free space of", there, errno));
  constexpr auto most = static_cast<std::uint64_t>(INT64_MAX);
  const std::uint64_t block_bytes = status.f_frsize;
  const std::uint64_t blocks = status.f_bavail;
  if (block_bytes != 0 && blocks > most / block_bytes) return INT64_MAX;
  return static_cast<std::int64_t>(blocks * block_bytes);
}

std::string_view network_file_system_of_magic(std::uint64_t magic) {
  // Kernels of 32 bits hand the number over sign-extended.
  magic &= 0xFFFFFFFF;
  const auto* const found = std::find_if(network_magics.begin(), network_magics.end(),
                                         [&](const Magic& row) { return row.value == magic; });
  return found == network_magics.end() ? std::string_view() : found->name;
}

std::string network_file_system(const std::string& path) {
  struct statfs status {};
  if (::statfs(existing_part(path).c_str(), &status) != 0) return {};
  return std::string(network_file_system_of_magic(static_cast<std::uint64_t>(status.f_type)));
}

}  // namespace sovren::storage
