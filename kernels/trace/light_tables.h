// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "kernels/trace/compiled_scene.h"
#include "kernels/trace/scene.h"

namespace sovren::trace {

/// More lights with a place than this are chosen by a tree.
inline constexpr int lights_without_tree = 32;

/// Walker's table for weights that are finite and not negative; empty if none is positive.
std::vector<AliasEntry> alias_table(const std::vector<double>& weights);

/// Finds all lights of the scene (shining triangles of all instances, punctual lights, the
/// environment) and makes what light.h chooses them by: fills lights, placed_light_count,
/// light_chances, light_nodes, light_leaf, environment_cells, environment, and first_emitter of
/// the instances. All else must be there already, texture_views too, and must stay in its place.
///
/// Power    a triangle's area x the mean luminance of its front x pi (twice that if the back
///          shines too); of lights without a place: what falls on a disk as large as the scene.
///          Lights with a place and those without share the samples by their power, but neither
///          gets less than a quarter, so that a wide floor under the sky does not hide the lamps.
void build_lights(const std::vector<PunctualLight>& lights, const Environment& environment,
                  CompiledScene& scene);

}  // namespace sovren::trace
