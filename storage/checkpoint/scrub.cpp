// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/scrub.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

/// Sleeps so that the bytes read so far took as long as they should.
class Pace {
 public:
  explicit Pace(const ScrubSetting& setting) : setting_(setting) {
    if (setting_.bytes_per_s > 0) started_s_ = setting_.now_s();
  }
  void read(std::int64_t bytes) {
    if (setting_.bytes_per_s <= 0) return;
    bytes_ += bytes;
    const double ahead_s =
        static_cast<double>(bytes_) / setting_.bytes_per_s - (setting_.now_s() - started_s_);
    if (ahead_s > 0) setting_.sleep(ahead_s);
  }

 private:
  const ScrubSetting& setting_;
  double started_s_ = 0;
  std::int64_t bytes_ = 0;
};

/// Clean pages of the file are dropped: before reading, so that the disk is read; after it, so that
/// the job's own pages stay. Where that does nothing, the page cache is what is checked.
void drop_pages(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return;
  static_cast<void>(::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
  ::close(fd);
}

Result<void> check_set(const FoundSet& set, Pace& pace) {
  if (!set.manifest) return fail(set.error);
  SOVREN_DO(check_files(set.path, *set.manifest));
  for (const Shard& shard : set.manifest->shards) {
    const std::string path = set.path + "/" + shard.file;
    drop_pages(path);
    auto checked =
        check_shard(set.path, shard, nullptr, [&](std::int64_t bytes) { pace.read(bytes); });
    drop_pages(path);
    if (!checked) return checked;
  }
  return {};
}

std::int64_t bytes_of(const FoundSet& set) {
  std::int64_t bytes = 0;
  for (const Shard& shard : set.manifest->shards) bytes += shard.digest.bytes;
  return bytes;
}

bool is_still_there(const FoundSet& set) {
  return load_set(set.path).text == set.text && path_exists(set.path);
}

/// Moves the damaged sets that can be spared.
Result<void> put_aside(const std::string& dir, const std::vector<FoundSet>& good,
                       std::vector<DamagedSet>& damaged) {
  SOVREN_TRY(lock,
             FileLock::acquire(lock_path(dir), "scrub " + std::to_string(::getpid()), lock_wait_s));
  for (DamagedSet& bad : damaged) {
    const bool can_be_spared = std::ranges::any_of(
        good, [&](const FoundSet& set) { return set.job == bad.job && is_still_there(set); });
    if (can_be_spared) bad.is_quarantined = quarantine_set(dir, bad.name, bad.why).has_value();
  }
  return {};
}

}  // namespace

Result<ScrubReport> scrub_sets(const std::string& dir, const ScrubSetting& setting) {
  SOVREN_TRY(sets, find_sets(dir));
  ScrubReport report;
  Pace pace(setting);
  std::vector<FoundSet> good;
  for (FoundSet& set : sets) {
    auto checked = check_set(set, pace);
    if (!checked && checked.error().code == Code::storage_corrupt) {
      set = load_set(set.path);  // a flaw on the way from the disk is none of the set
      checked = check_set(set, pace);
    }
    if (!checked && (checked.error().code != Code::storage_corrupt || !is_still_there(set)))
      continue;
    ++report.sets;
    if (checked) {
      report.bytes += bytes_of(set);
      good.push_back(std::move(set));
      continue;
    }
    if (report.sets == 1) report.is_newest_damaged = true;
    report.damaged.push_back({.name = set.name, .why = checked.error().what, .job = set.job});
  }
  if (!report.damaged.empty()) SOVREN_DO(put_aside(dir, good, report.damaged));
  return report;
}

}  // namespace sovren::storage
