// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace sovren::cli {

/// sovren generate scene: has sovren-rank make a scene and write its file. Errors: usage; those of
/// writing.
Result<int> generate_scene(const Arguments& arguments);

}  // namespace sovren::cli
