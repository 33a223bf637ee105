// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/port/communicator.h"

namespace sovren::workers {

/// Collective. What all ranks make of their own outcomes: success when each had it, else everywhere
/// the error of the lowest rank that failed, which names that rank.
Result<void> agree(Communicator& comm, const Result<void>& mine);

}  // namespace sovren::workers
