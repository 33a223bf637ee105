// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kernels/causal/search.h"

namespace sovren::kernels {

/// PCMCI: condition selection (pc1.h), then one test of each possible link given the parents of
/// both sides (mci.h).
///
/// Model    two rounds, a unit is a target. In between the selected parents stand as directed
/// links,
///          with what PC1 saw of them. At the end lag 0 is symmetrised (fdr.h), q found over the
///          lagged links that were tested, and marked is what has q <= alpha: lagged links
///          directed, lag 0 undirected except where knowledge tells the direction.
/// Reads    of SearchOptions: all.
/// Source   Runge et al., Science Advances 5, eaau4996 (2019).
/// Differs  from Tigramite 5.2: lag 0 is symmetrised before the level decides, so no pair is linked
///          because of one of its two tests alone.
std::unique_ptr<Search> make_pcmci(const TestSource& source, const SearchOptions& options);

}  // namespace sovren::kernels
