// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace sovren::cli {

/// sovren checkpoints decrypt SET OUT: the set as a plain one, in a new folder.
Result<int> decrypt_checkpoint(const Arguments& arguments);

}  // namespace sovren::cli
