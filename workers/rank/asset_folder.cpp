// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/asset_folder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "storage/checkpoint/crc32c.h"
#include "storage/file/file.h"

namespace sovren::workers {
namespace {

using Parts = std::span<const std::span<const std::byte>>;

/// In front of the bytes of a file.
struct Head {
  std::array<char, 8> magic{'s', 'o', 'v', 'r', 'e', 'n', 'A', '1'};
  std::uint64_t size = 0;  ///< of the bytes behind it
  std::array<char, 64> key{};
  std::uint32_t bytes_crc = 0;
  std::uint32_t head_crc = 0;  ///< of all before it
  std::array<std::uint32_t, 10> unused{};

  std::uint32_t crc() const {
    return storage::crc32c({reinterpret_cast<const std::byte*>(this), offsetof(Head, head_crc)});
  }
};
static_assert(sizeof(Head) == 128);

/// Closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

 private:
  int fd_;
};

bool is_key(const std::string& key) {
  return key.size() == Head().key.size() && std::all_of(key.begin(), key.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::uint64_t size_of(Parts parts) {
  std::uint64_t size = 0;
  for (const auto& part : parts) size += part.size();
  return size;
}

Head head_of(const std::string& key, Parts parts) {
  Head head{.size = size_of(parts)};
  std::copy(key.begin(), key.end(), head.key.begin());
  for (const auto& part : parts) head.bytes_crc = storage::crc32c(part, head.bytes_crc);
  head.head_crc = head.crc();
  return head;
}

bool write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

/// What the machine could give without taking it from anybody; 0: unknown.
std::uint64_t available_bytes() {
  std::ifstream about("/proc/meminfo");
  std::string name, unit;
  for (std::uint64_t kib = 0; about >> name >> kib; std::getline(about, unit))
    if (name == "MemAvailable:") return kib * 1024;
  return 0;
}

class AssetFolder final : public AssetCache {
 public:
  AssetFolder(std::string dir, std::int64_t limit_bytes)
      : dir_(std::move(dir)), limit_bytes_(static_cast<std::uint64_t>(limit_bytes)) {}

  std::optional<CachedAsset> get(const std::string& key) override {
    if (!is_key(key)) return std::nullopt;
    const Descriptor file(::open(path_of(key).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.is_open()) return std::nullopt;
    auto asset = map(file.get(), key);
    if (!asset)
      ::unlink(path_of(key).c_str());
    else
      ::futimens(file.get(), nullptr);  // it was used now
    return asset;
  }

  void put(const std::string& key, Parts parts) override {
    const std::uint64_t size = sizeof(Head) + size_of(parts);
    if (!is_key(key) || size > limit_bytes_ || storage::path_exists(path_of(key))) return;
    auto lock = storage::FileLock::acquire(dir_ + "/lock", std::to_string(::getpid()), lock_wait_s);
    if (!lock) return;
    make_room(size);
    if (!has_room(size)) return;
    // Without a name until it is whole: what dies before that leaves nothing.
    const Descriptor file(::open(dir_.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0400));
    if (!file.is_open() || ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)) != 0) return;
    const Head head = head_of(key, parts);
    if (!write_all(file.get(), std::as_bytes(std::span(&head, 1)))) return;
    for (const auto& part : parts)
      if (!write_all(file.get(), part)) return;
    const std::string unnamed = "/proc/self/fd/" + std::to_string(file.get());
    ::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path_of(key).c_str(), AT_SYMLINK_FOLLOW);
  }

 private:
  static constexpr double lock_wait_s = 10;
  static constexpr std::string_view extension = ".asset";

  std::string path_of(const std::string& key) const {
    return dir_ + "/" + key + std::string(extension);
  }

  /// None: it is not what was put.
  static std::optional<CachedAsset> map(int fd, const std::string& key) {
    struct stat about {};
    if (::fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) || about.st_uid != ::geteuid())
      return std::nullopt;
    const auto size = static_cast<std::size_t>(about.st_size);
    if (size < sizeof(Head)) return std::nullopt;
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (at == MAP_FAILED) return std::nullopt;
    const std::shared_ptr<const void> owner(
        at, [size](const void* mapped) { ::munmap(const_cast<void*>(mapped), size); });
    Head head;
    std::memcpy(&head, at, sizeof head);
    const std::span<const std::byte> bytes(static_cast<const std::byte*>(at) + sizeof head,
                                           size - sizeof head);
    const bool is_whole = head.magic == Head().magic && head.head_crc == head.crc() &&
                          std::equal(key.begin(), key.end(), head.key.begin(), head.key.end()) &&
                          head.size == bytes.size() && head.bytes_crc == storage::crc32c(bytes);
    if (!is_whole) return std::nullopt;
    return CachedAsset{owner, bytes};
  }

  /// Deletes what was used longest ago until `size` more fit into the limit.
  void make_room(std::uint64_t size) const {
    std::vector<std::tuple<std::int64_t, std::int64_t, std::string, std::uint64_t>> files;
    std::uint64_t used = 0;
    const auto names = storage::list_directory(dir_);
    if (!names) return;
    for (const std::string& name : *names) {
      struct stat about {};
      const std::string path = dir_ + "/" + name;
      if (!name.ends_with(extension) || ::lstat(path.c_str(), &about) != 0) continue;
      const auto bytes = static_cast<std::uint64_t>(about.st_size);
      used += bytes;
      files.emplace_back(about.st_mtim.tv_sec, about.st_mtim.tv_nsec, path, bytes);
    }
    std::sort(files.begin(), files.end());
    for (const auto& [seconds, nanoseconds, path, bytes] : files) {
      if (used + size <= limit_bytes_) return;
      if (::unlink(path.c_str()) == 0) used -= bytes;
    }
  }

  bool has_room(std::uint64_t size) const {
    struct statvfs about {};
    if (::statvfs(dir_.c_str(), &about) != 0) return false;
    const std::uint64_t all = about.f_blocks * about.f_frsize;
    const std::uint64_t free = about.f_bavail * about.f_frsize;
    return free >= size && free - size >= all / 4 && size <= available_bytes() / 2;
  }

  const std::string dir_;
  const std::uint64_t limit_bytes_;
};

}  // namespace

std::unique_ptr<AssetCache> open_asset_folder(const std::string& dir, std::int64_t limit_bytes) {
  if (limit_bytes <= 0) return nullptr;
  ::mkdir(dir.c_str(), 0700);
  struct stat about {};
  const bool is_ours = ::lstat(dir.c_str(), &about) == 0 && S_ISDIR(about.st_mode) &&
                       about.st_uid == ::geteuid() && (about.st_mode & 077) == 0;
  if (!is_ours) return nullptr;
  return std::make_unique<AssetFolder>(dir, limit_bytes);
}

std::unique_ptr<AssetCache> open_asset_cache() {
  const auto pages = static_cast<std::int64_t>(::sysconf(_SC_PHYS_PAGES));
  std::int64_t limit_bytes = pages * ::sysconf(_SC_PAGESIZE) / 10;
  if (const char* said = std::getenv("SOVREN_ASSET_CACHE_BYTES")) {
    limit_bytes = 0;
    std::from_chars(said, said + std::strlen(said), limit_bytes);
  }
  return open_asset_folder("/dev/shm/sovren-" + std::to_string(::geteuid()) + "-assets",
                           limit_bytes);
}

}  // namespace sovren::workers
