// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/orientation.h"

namespace sovren::kernels {

void mark_pair(LinkTable& links, int i, int j, Mark mark) {
  links.mark[links.index(i, j, 0)] = mark;
  links.mark[links.index(j, i, 0)] = mirrored(mark);
}

Mark known_mark(const Knowledge& knowledge, int i, int j) {
  if (knowledge.is_empty()) return Mark::undirected;
  if (knowledge.is_required(i, j, 0) || knowledge.is_forbidden(j, i, 0)) return Mark::directed;
  if (knowledge.is_required(j, i, 0) || knowledge.is_forbidden(i, j, 0)) return Mark::reversed;
  return Mark::undirected;
}

}  // namespace sovren::kernels
