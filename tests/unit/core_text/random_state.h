// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/state.h"

namespace sovren::testing_text {

/// A state that events may lead to: every field of every job, node and table is used somewhere.
State random_state(std::uint64_t seed);

}  // namespace sovren::testing_text
