// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/text/json.h"

namespace sovren::cli {

/// Has `sovren-rank MODE` do what a request asks for. What it prints is our output. Its answer is
/// the last line of its standard error, where it has one; an error is that of the answer.
Result<text::Json> ask_rank(const std::string& mode, const text::Json& request);

}  // namespace sovren::cli
