// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "kernels/causal/pc1.h"
#include "kernels/causal/search.h"

namespace sovren::kernels {

// What the rounds of PCMCI and PCMCI+ have in common: their first round is PC1, a unit is a target.

/// How to run PC1 for a search. Points into options. No knowledge where there is none, so that it
/// costs nothing.
Pc1Options pc1_options(const SearchOptions& options);

/// The numbers of a unit, and back. whole: level_max, is_capped, the number of parents,
/// then each parent and dropped candidate. real: alpha, val_min of the parents, then p_max and
/// value of each; val_min of the dropped ones is lost.
UnitResult pack_selection(const Pc1Result& result);
Pc1Result unpack_selection(const UnitResult& unit);

/// q of all links from their p, as options say. Links that knowledge excludes were not tested: q 1,
/// and they do not count.
void set_q_values(LinkTable& links, const SearchOptions& options);

/// The units of some targets, whose passes run together on a device.
void select_on_device(const TestSource& source, const BatchTests& device,
                      std::span<const int> targets, const Pc1Options& options,
                      std::span<UnitResult> out);

/// Seconds of a target in either round of PCMCI on one core, roughly.
double target_cost_s(const TestSource& source, const SearchOptions& options);

}  // namespace sovren::kernels
