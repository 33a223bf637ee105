// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

Result<void> prune_sets(const std::string& dir, int keep) {
  SOVREN_TRY(sets, find_sets(dir));
  int kept = 0;
  std::vector<std::string> doomed;
  for (const FoundSet& set : sets) {
    // Damaged ones neither count nor go: restore will say why it does not use them.
    if (!set.manifest || !check_files(set.path, *set.manifest)) continue;
    if (++kept > std::max(keep, 1)) doomed.push_back(set.name);
  }
  std::reverse(doomed.begin(), doomed.end());
  for (const std::string& name : doomed) SOVREN_DO(remove_set(dir, name));
  return {};
}

/// What dead attempts left, and atomic writes that were cut short.
Result<void> sweep(const std::string& dir, const std::string& in_use) {
  SOVREN_TRY(names, list_directory(dir));
  for (const std::string& name : names) {
    const bool is_litter = name.starts_with("FENCE.tmp-") || name.starts_with("RESTORES.tmp-") ||
                           (is_unfinished_name(name) && name != in_use);
    if (is_litter) SOVREN_DO(remove_tree(dir + "/" + name));
  }
  return {};
}

/// Quarantine is evidence, but has a limit too.
Result<void> prune_quarantine(const std::string& dir, int keep) {
  SOVREN_TRY(names, list_directory(dir + "/quarantine"));
  for (std::size_t i = 0; i + static_cast<std::size_t>(std::max(keep, 1)) < names.size(); ++i)
    SOVREN_DO(remove_tree(dir + "/quarantine/" + names[i]));
  return {};
}

}  // namespace

CheckpointStore::CheckpointStore(std::string dir, StoreSetting setting)
    : dir_(std::move(dir)), setting_(std::move(setting)), memory_(std::make_shared<SealMemory>()) {}

Result<CheckpointStore> CheckpointStore::open(std::string dir, StoreSetting setting) {
  while (dir.size() > 1 && dir.ends_with('/')) dir.pop_back();
  SOVREN_DO(make_directories(dir));
  return CheckpointStore(std::move(dir), std::move(setting));
}

Result<void> CheckpointStore::raise_fence(JobId job, int attempt) {
  SOVREN_TRY(lock,
             FileLock::acquire(lock_path(dir_), "pid " + std::to_string(::getpid()), lock_wait_s));
  const Fence mine{job, attempt};
  SOVREN_DO(check_fence(dir_, mine));
  return write_fence(dir_, mine);
}

Result<void> CheckpointStore::forget_restores() {
  return clear_restores(dir_);
}

Result<void> CheckpointStore::prune(const Retention& retention, JobId job, int attempt) {
  SOVREN_DO(check_fence(dir_, {job, attempt}));
  SOVREN_DO(prune_sets(dir_, retention.keep));
  SOVREN_DO(sweep(dir_, memory_->unfinished));
  return prune_quarantine(dir_, retention.keep);
}

}  // namespace sovren::storage
