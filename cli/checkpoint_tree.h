// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// A folder with checkpoint sets.
struct CheckpointFolder {
  std::string path;                ///< absolute
  std::vector<std::string> names;  ///< of the sets in it, or of those that were named; newest first
};

/// The sets that operands mean: one set (gen-...), or a job directory, a checkpoints folder or any
/// other, with all that lies below it. Symbolic links below are not followed; sets being written,
/// quarantined ones and the parts of sets on nodes' own disks are passed over. Folders are sorted
/// by path, each is named once. Folders that cannot be read are warned of.
/// Errors   not_found: no such folder, or none with sets.
Result<std::vector<CheckpointFolder>> find_checkpoints(std::span<const std::string> operands);

}  // namespace sovren::cli
