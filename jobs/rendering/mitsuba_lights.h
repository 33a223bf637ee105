// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/rendering/mitsuba_xml.h"
#include "jobs/rendering/scene_textures.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::mitsuba {

/// An emitter of the scene itself: point, spot, directional, constant, envmap. Another one: a
/// warning. An environment is turned from Mitsuba's mapping (u = atan2(x, -z) / 2 pi, within
/// to_world) to ours.
Result<void> add_emitter(const Node& emitter, SceneTextures& textures, trace::Scene& scene);

/// perspective and thinlens. Mitsuba's cameras look along +z, with x to the left; ours along -z.
/// The field of view is along x unless fov_axis says otherwise; the film's shape is taken to know
/// it along y.
Result<void> add_sensor(const Node& sensor, trace::Scene& scene);

}  // namespace sovren::jobs::mitsuba
