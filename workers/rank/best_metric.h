// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "core/model/job_spec.h"

namespace sovren::workers {

/// What to warn of when `keep_best` names a metric that the set of this step does not have: which
/// ones it has, and the one that was probably meant. Empty: nothing is wrong.
std::string missing_metric(const CheckpointPolicy& policy, std::int64_t step,
                           const std::map<std::string, double>& metrics);

}  // namespace sovren::workers
