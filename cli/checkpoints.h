// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/checkpoint_tree.h"
#include "cli/command.h"
#include "storage/checkpoint/checkpoint_set.h"

namespace sovren::cli {

// The verbs of `sovren checkpoints`.
Result<int> list_checkpoints(const std::vector<CheckpointFolder>& folders,
                             const Arguments& arguments);
Result<int> show_checkpoint(const std::vector<CheckpointFolder>& folders,
                            const Arguments& arguments);
Result<int> verify_checkpoints(const std::vector<CheckpointFolder>& folders,
                               const Arguments& arguments);

/// Of --key-file or --key-env; none of either: none.
Result<std::optional<storage::MasterKey>> key_of(const Arguments& arguments);

/// "2 x 3".
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace sovren::cli
