// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/causal/pc1.h"
#include "kernels/causal/search.h"

namespace sovren::kernels {

// What the rounds of PCMCI and PCMCI+ have in common: their first round is PC1, a unit is a target.

/// How to run PC1 for a search. Points into options. No knowledge where there is none, so that it
/// costs nothing.
Pc1Options pc1_options(const SearchOptions& options);

/// The numbers of a unit, and back. whole: level_max, is_capped, the number of parents,
/// then variable and lag of each parent and dropped candidate. real: alpha, then val_min, p_max
/// and value of each.
UnitResult pack_selection(const Pc1Result& result);
Pc1Result unpack_selection(const UnitResult& unit);

/// Seconds of a target in either round of PCMCI on one core, roughly.
double target_cost_s(const TestSource& source, const SearchOptions& options);

}  // namespace sovren::kernels
