// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"
#include "storage/checkpoint/manifest.h"

namespace sovren::storage {

// The names in a "checkpoints" folder:
//   gen-000120, gen-000120-2       sealed sets; -2: step 120 was sealed again, by a later attempt
//   gen-000130.tmp-3-9f2c61d0      being written by attempt 3, or left by one that died
//   quarantine/                    sets that did not verify
//   FENCE RESTORES LOCK            who may seal; which sets were tried; held while either changes
//   NODES                          tells this folder from others at its place (level_folder.h)

std::string set_name(std::int64_t step, int repeat);
bool is_sealed_name(std::string_view name);
bool is_unfinished_name(std::string_view name);

/// A sealed set as found. Either a manifest, or why there is none.
struct FoundSet {
  std::string name;
  std::string path;
  std::string text;  ///< of the manifest
  std::optional<Manifest> manifest;
  Error error;
  JobId job;  ///< also of a set whose manifest is damaged, if it can still be made out; else 0
};

FoundSet load_set(const std::string& path);

/// The set that a user named, with its manifest. not_found: there is no such folder; else as
/// load_set.
Result<FoundSet> find_set(const std::string& set_path);

/// Where a set stands in the order of sealing: a greater one is newer.
struct SetOrder {
  std::int64_t job = 0;
  int attempt = 0;
  std::int64_t step = 0;
  int repeat = 0;
  auto operator<=>(const SetOrder&) const = default;
};
SetOrder order_of(const FoundSet& set);

/// The sealed sets in the order of sealing, newest first: by job, attempt, step. Damaged ones come
/// where their name and job put them, ones of unknown job first.
Result<std::vector<FoundSet>> find_sets(const std::string& dir);

/// The attempt that may seal.
struct Fence {
  JobId job;
  int attempt = 0;
};
/// {0, 0} when none has been raised.
Result<Fence> read_fence(const std::string& dir);
Result<void> write_fence(const std::string& dir, Fence fence);
/// fenced when a later attempt than this may seal.
Result<void> check_fence(const std::string& dir, Fence mine);

/// How often each set has been restored since the last seal, by name and digest of the manifest.
using Restores = std::map<std::string, int>;
std::string restore_key(const FoundSet& set);
std::string restore_key(const std::string& name, std::string_view manifest_text);
/// Damage in the file counts as nothing restored: it only guards against crash loops.
Restores read_restores(const std::string& dir);
Result<void> write_restores(const std::string& dir, const Restores& restores);
Result<void> clear_restores(const std::string& dir);

/// Takes a sealed set away: first its name, so that no half of it is ever seen as a set.
Result<void> remove_set(const std::string& dir, const std::string& name);

/// Moves a set to quarantine/ and leaves the reason in it.
Result<void> quarantine_set(const std::string& dir, const std::string& name,
                            const std::string& why);

std::string lock_path(const std::string& dir);
/// Long enough for a rename and two fsyncs on a slow disk.
inline constexpr double lock_wait_s = 30;

/// Files as the manifest names them: every shard a regular file of its size, no other shard there.
Result<void> check_files(const std::string& set_path, const Manifest& manifest);
/// Reads a shard whole and compares. cipher: of an encrypted set, proves each block instead of
/// their SHA-256. after_block: called with the bytes just read. storage_corrupt: it differs;
/// storage_io: it cannot be read.
Result<void> check_shard(const std::string& set_path, const Shard& shard,
                         const SetCipher* cipher = nullptr,
                         const std::function<void(std::int64_t)>& after_block = {});

}  // namespace sovren::storage
