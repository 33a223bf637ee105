// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "jobs/rendering/gltf_model.h"

namespace sovren::jobs {

/// Both eyes of the portrait, looking at a point (centimetres, as head.h has them): white, iris
/// and pupil, and before them the cornea, a solid body of ior 1.376. `scale`: of a centimetre in
/// the model.
void add_eyes(GltfModel& model, float detail, trace::Vec3 looked_at, float scale);

}  // namespace sovren::jobs
