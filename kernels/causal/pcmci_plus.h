// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/causal/search.h"

namespace sovren::kernels {

/// PCMCI+: lagged links and links at lag 0, these with a direction where the data tell it.
///
/// Model    rounds, each of units that do not depend on one another:
///          1. PC1 (pc1.h), a unit is a target j: its lagged parents B(j).
///          2. skeleton, level n = 0, 1, ...: a unit is a lagged link that PC1 left, or a pair at
///             lag 0. With the neighbours adj(j) at lag 0 as the level began, x and j are tested
///             given S, B(j) without x and B(x) moved back by x's lag, for every n-subset S of
///             adj(j) without x, strongest first (by the smallest |value| with j as the target; on
///             a tie by number). A pair i < j: first the subsets of adj(j), then those of adj(i)
///             that are not among them, for the test of a pair is the same from both sides. The
///             first p-value above the level ends the unit: the two are unlinked.
///          3. colliders: a unit is an unshielded triple x - k - j, k o-o j at lag 0, x at any lag,
///             x to k lagged or at lag 0 not known to be reversed. Of all subsets of adj(j) (and of
///             adj(x) at lag 0) that separate x and j: fewer than half hold k: a collider; more:
///             none; half, or no subset separates: the triple is ambiguous and tells nothing.
///          Then the colliders are directed at once, conflicts marked, and the rules of Meek run
///          (mixed_graph.h); a lagged parent is an arrow to them.
/// Result   lagged links directed; lag 0 any mark. value and p are those of the test with the
///          largest p (equal p: the smaller |value|), for candidates that PC1 dropped of PC1's
///          tests, else of the skeleton's. q over the lagged entries (fdr.h).
/// Reads    of SearchOptions: min_lag, max_lag, the first of pc_alphas, has_fdr, max_conditions
///          (candidates in a condition of PC1, and |S|), max_parents (of B, each side), knowledge.
/// Limits   a triple's sets are tried by rising size up to triple_sets_max (plus_units.h) of them;
/// a level or size that
///          would leave no degree of freedom even without B is not tried. A test without degrees
///          of freedom has p 1, and so unlinks.
/// Source   Runge, Discovering contemporaneous and lagged causal relations in autocorrelated
///          nonlinear time series datasets (UAI 2020); order of operations of Tigramite 5.2.
/// Differs  from Tigramite 5.2: p and value at lag 0 always belong to one test, the one of largest
/// p
///          over both sides (there: the value may be of another test of the pair); rule 3 needs the
///          triple at the tail not to be ambiguous, as it needs it to be no collider (there: the
///          triples are looked up that cannot be ambiguous); a required link keeps what its tests
///          say (there: value 1, p 0); the limits above.
std::unique_ptr<Search> make_pcmci_plus(const TestSource& source, const SearchOptions& options);

}  // namespace sovren::kernels
