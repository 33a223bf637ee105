// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"

namespace sovren::storage {

// Where a level below the shared one keeps the sets of a job on a node:
//   BASE/sovren-checkpoints-UID/      of this user, mode 0700; BASE: /dev/shm, or the job's `local`
//     DDDDDDDDDDDDDDDD-IIIIIIIIIIIIIIII/   of one job directory: digest of its path, and its id
//       gen-000120/                   MANIFEST.json whole, and the shards that this node holds

inline constexpr const char* memory_base = "/dev/shm";

/// 16 hex digits that tell this "checkpoints" folder from one that was at its place before; made at
/// the first call, in its file NODES. Called by the rank that holds the attempt's lock.
Result<std::string> level_id(const std::string& checkpoint_dir);

/// Path of the folder above. checkpoint_dir: any path of the "checkpoints" folder.
Result<std::string> level_folder(const std::string& base, const std::string& checkpoint_dir,
                                 const std::string& id);

/// Makes it, and takes away what is of no use to anyone any more: sets of a job directory that was
/// at the same path before, and of this user's other jobs when nothing was sealed there for a week.
/// Errors   storage_io, also when the user's folder belongs to someone else.
Result<void> prepare_level_folder(const std::string& folder);

inline constexpr double abandoned_s = 7 * 86400;

}  // namespace sovren::storage
