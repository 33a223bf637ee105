// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kernels/causal/knowledge.h"
#include "kernels/causal/search.h"

namespace sovren::kernels {

/// Both entries of the pair i, j at lag 0: mark as seen from i, its mirror image from j.
void mark_pair(LinkTable& links, int i, int j, Mark mark);

/// The mark of the linked pair i, j at lag 0 as far as knowledge tells its direction, seen from i:
/// one direction required, or the other forbidden, or else undirected.
Mark known_mark(const Knowledge& knowledge, int i, int j);

}  // namespace sovren::kernels
