// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <set>

#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/retention.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

constexpr int proven_min = 2;

/// Reads every byte once; what was found good, or sealed here, is remembered.
bool is_proven(const FoundSet& set, std::set<std::string>& proven) {
  const std::string key = restore_key(set);
  if (proven.contains(key)) return true;
  for (const Shard& shard : set.manifest->shards)
    if (!check_shard(set.path, shard)) return false;
  proven.insert(key);
  return true;
}

/// Damaged sets neither count nor go: restore will say why it does not use them. Metrics of sets of
/// other facts are not those of this job.
std::vector<KeptSet> described(const std::vector<FoundSet>& sets) {
  std::vector<KeptSet> all;
  const SpecFacts* facts = nullptr;
  for (const FoundSet& set : sets) {
    KeptSet one{.name = set.name, .job = set.job, .is_whole = false};
    if (set.manifest && check_files(set.path, *set.manifest)) {
      const SetHeader& header = set.manifest->header;
      if (facts == nullptr) facts = &header.facts;
      one = {.name = set.name,
             .job = header.job,
             .attempt = header.attempt,
             .step = header.step,
             .sealed_at_s = header.sealed_at_s,
             .metrics = difference(header.facts, *facts).empty() ? header.metrics
                                                                 : std::map<std::string, double>(),
             .is_whole = true};
    }
    all.push_back(std::move(one));
  }
  return all;
}

/// The sets that go. None does before the newest two that stay are proven.
std::vector<std::string> choose(const std::vector<FoundSet>& sets, const Retention& retention,
                                std::set<std::string>& proven) {
  std::vector<KeptSet> all = described(sets);
  for (;;) {
    std::vector<std::string> doomed = sets_to_delete(all, retention);
    if (doomed.empty()) return doomed;
    bool is_safe = true;
    int looked_at = 0;
    for (std::size_t i = 0; i < all.size() && looked_at < proven_min && is_safe; ++i) {
      if (!all[i].is_whole || std::ranges::find(doomed, all[i].name) != doomed.end()) continue;
      ++looked_at;
      is_safe = all[i].is_whole = is_proven(sets[i], proven);
    }
    if (is_safe) return doomed;
  }
}

Result<void> prune_sets(const std::string& dir, const Retention& retention, Fence mine,
                        std::set<std::string>& proven) {
  SOVREN_TRY(sets, find_sets(dir));
  const std::vector<std::string> doomed = choose(sets, retention, proven);
  if (doomed.empty()) return {};
  // Nobody takes a set into quarantine, or takes over, while others go.
  SOVREN_TRY(lock,
             FileLock::acquire(lock_path(dir), "pid " + std::to_string(::getpid()), lock_wait_s));
  SOVREN_DO(check_fence(dir, mine));
  for (const FoundSet& set : sets)
    if (std::ranges::find(doomed, set.name) == doomed.end() && !path_exists(set.path))
      return {};  // something else has changed; the next seal prunes
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
    : dir_(std::move(dir)),
      setting_(std::move(setting)),
      memory_(std::make_shared<SealMemory>(setting_.copy_memory_bytes)) {}

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
  SOVREN_DO(prune_sets(dir_, retention, {job, attempt}, memory_->proven));
  SOVREN_DO(sweep(dir_, memory_->unfinished));
  return prune_quarantine(dir_, retention.keep);
}

}  // namespace sovren::storage
