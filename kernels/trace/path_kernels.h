// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/path.h"
#include "kernels/trace/path_tracer.h"
#include "kernels/trace/settings.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// The stages of path.h over many paths, compiled for each level of x86-64 (kernels/nn/level.h).
struct PathKernels {
  /// Paths first .. first + count of the unit: pixel by pixel, all samples of each.
  void (*begin)(const RenderSettings& settings, const RenderUnit& unit, std::uint32_t first,
                std::uint32_t count, Path* paths);
  /// Path alive[k] has met hits[k]; its look at a light goes to shadows[k].
  void (*shade)(const SceneView& view, const RenderSettings& settings, Path* paths,
                const std::uint32_t* alive, std::uint32_t count, const Hit* hits,
                ShadowRay* shadows);
};

/// For this processor. All give the same bits: nothing is fused.
const PathKernels& path_kernels();

}  // namespace sovren::trace
