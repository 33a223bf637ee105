// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace sovren {

/// What decides a job's result, as flat text: "causal_analysis.alpha" -> "0.05", "input data.csv"
/// -> "sha256:...". Neither ranks nor limits nor checkpoint settings are in it, so a job may come
/// back in another shape. A checkpoint set stores these facts, and is restored only by a job with
/// the same ones.
using SpecFacts = std::map<std::string, std::string>;

}  // namespace sovren
