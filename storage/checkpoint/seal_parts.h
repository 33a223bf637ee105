// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "storage/checkpoint/manifest.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/shard_layout.h"
#include "storage/checkpoint/staging.h"

namespace sovren::storage {

// What ranks tell each other of a set that they seal together.

/// What this rank puts, as a manifest without a shard.
Manifest part_of(const SetHeader& header, const std::vector<StagedArray>& staged);

/// Says in a part where the layout has put its slabs.
void place_slabs(Manifest& part, const ShardLayout& layout);

/// Joins what the ranks tell, in rank order; shards are numbered by rank.
Result<Manifest> join_parts(const SetHeader& header, const std::vector<std::string>& texts);

/// Every row of every array is put once, and no array is named like a group of another. Returns
/// the bytes of all rows.
Result<std::int64_t> check_rows(const Manifest& whole);

/// On rank 0: how a new set is to be encrypted, for all ranks. Empty: not at all.
std::string begin_encryption(const std::optional<MasterKey>& key, const SetHeader& header);

/// The cipher for what rank 0 has begun; none: a plain set. mismatch: this rank has not the key.
Result<std::optional<SetCipher>> join_encryption(const std::string& begun,
                                                 const std::optional<MasterKey>& key,
                                                 const SetHeader& header,
                                                 const std::string& folder);

/// storage_io when a set of so many bytes does not fit.
Result<void> check_space(const std::string& dir, std::int64_t total_bytes, int ranks);

/// 8 hex digits that no other process comes upon.
std::string nonce();

}  // namespace sovren::storage
