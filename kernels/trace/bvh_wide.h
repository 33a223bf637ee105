// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "kernels/nn/team.h"
#include "kernels/trace/bvh_binary.h"

namespace sovren::trace {

/// Makes a binary tree eight-wide at the least cost by the surface area heuristic, and orders the
/// children of each node by octant (bvh.h). add_leaf(items) says what the leaf with these items is.
/// Errors   refused: more nodes than a child can name.
Result<std::vector<BvhNode>> make_wide(
    BinaryTree tree, std::span<const BvhItem> items, const BvhOptions& options, nn::Team& team,
    const std::function<BvhChild(std::span<const BvhItem>)>& add_leaf);

}  // namespace sovren::trace
