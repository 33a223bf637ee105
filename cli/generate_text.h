// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cli/command.h"

namespace sovren::cli {

/// sovren generate text: has sovren-rank go on with a text; its output is ours. Errors: usage;
/// those of the model file and the tokenizer.
Result<int> generate_text(const Arguments& arguments);

}  // namespace sovren::cli
