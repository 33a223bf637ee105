// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "storage/checkpoint/checkpoint_set.h"
#include "tests/fault/model/crash_lab.h"

namespace sovren::storage {

// What the program does to a "checkpoints" folder. Their promises:
//   sealed  the newest step that must be restored or a later one; newest: the last one that may be
//   kept    steps whose sets must all be there, whole
//   fence   the attempt before which no other may seal

/// One attempt on so many ranks: a fence, a set into quarantine, a restore, two seals, pruning.
Life attempt_on(int ranks);
/// The same on one rank, writing in another way.
Life attempt_with(const std::string& name, const StoreSetting& setting);
/// What the next attempt does when it finds this.
Life recovery_from(const CrashState& state, const Life& before);
Life retention_life();
Life dated_retention_life();
Life quarantine_life();
Life restore_life();
Life fence_life();
/// Sets on the disks of two nodes, each with a copy of the other's shard.
Life level_life();

/// Who writes a file of a set, for interleave(): each shard has a rank of its own.
std::string writer_of(const std::string& path);

}  // namespace sovren::storage
