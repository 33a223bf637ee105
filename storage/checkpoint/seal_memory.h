// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "storage/checkpoint/staging.h"

namespace sovren::storage {

/// What a store keeps from one seal to the next.
struct SealMemory {
  explicit SealMemory(std::int64_t copy_memory_bytes) : staging(copy_memory_bytes) {}
  StagingMemory staging;
  StagingMemory small;  ///< for what is copied in any case
  bool is_sealing = false;
  std::string unfinished;  ///< on rank 0: name of the folder being written; prune leaves it alone
  /// On rank 0: restore_key of sets that were sealed here, or whose checksums were compared here.
  std::set<std::string> proven;
};

}  // namespace sovren::storage
