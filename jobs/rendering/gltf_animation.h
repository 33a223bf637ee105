// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/result.h"
#include "jobs/rendering/gltf_nodes.h"

namespace sovren::jobs::gltf {

/// The poses of all nodes at a time, by all animations of the file. Before the first key and after
/// the last one, their values hold. Where two animations move the same part of a node, as clips of
/// one character do, the first one counts.
///
/// Errors   data_invalid: keys that do not increase, values that are missing or not finite.
/// Source   glTF 2.0, appendix C (step, linear, spherical linear, cubic spline).
Result<std::vector<Pose>> poses_at(Document& document, const NodeTree& tree, double time_s);

}  // namespace sovren::jobs::gltf
