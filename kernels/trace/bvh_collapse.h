// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "kernels/nn/team.h"
#include "kernels/trace/bvh.h"
#include "kernels/trace/bvh_binary.h"

namespace sovren::trace {

/// Makes a binary tree eight-wide at the least cost by the surface area heuristic, and orders the
/// children of each node by octant (bvh.h). A leaf's first() is the number of its first item. At
/// most BvhChild::first_max items.
/// Laws   the same for any number of threads.
std::vector<BvhNode> collapse(BinaryTree tree, std::span<const BvhItem> items,
                              const BvhOptions& options, nn::Team& team);

}  // namespace sovren::trace
