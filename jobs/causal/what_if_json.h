// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/text/json.h"
#include "jobs/causal/what_if.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::jobs {

/// The members `model`, `effects`, `forecast` and `interventions` of graph.json (docs/formats.md).
///
/// variables    names, in the order of the numbers in `result`. rows: of the data.
text::Json what_if_json(const WhatIf& result, const std::vector<std::string>& variables, int rows);

}  // namespace sovren::jobs
