// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "core/base/result.h"
#include "jobs/rendering/gltf_model.h"

namespace sovren::jobs {

/// Scenes of our own, made by formulas: the examples and the benches render them. The same scene
/// always; `detail` is about the share of the usual number of triangles. Metres, y up; every scene
/// has the camera `camera` first.
///
/// cornell    the Cornell box as it was measured; also the camera `closeup`
/// spheres    balls of metal, glass, lacquer and cloth under a sky
/// portrait   a head with skin, eyes and hair in a studio: some 400,000 triangles
/// interior   a furnished room: some 250,000 triangles
/// animation  one second: a ball bounces, another rolls, a column bends, the camera moves
std::span<const std::string_view> scene_names();

inline constexpr double scene_detail_min = 0.01, scene_detail_max = 10;

/// Errors: usage: no such scene, or a detail beyond what is allowed.
Result<GltfModel> generate_scene(std::string_view name, double detail);

}  // namespace sovren::jobs
