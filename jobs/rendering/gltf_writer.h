// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/result.h"
#include "jobs/rendering/gltf_model.h"

namespace sovren::jobs {

/// The model as a binary glTF 2.0 file (.glb): the same bytes for the same model. Arrays that are
/// alike are written once; textures become PNG files within it, so they are of bytes.
///
/// What glTF has no words for goes into `extras`, which the loader knows: of materials
/// `sovren_subsurface` {weight, radius, anisotropy}; of cameras `sovren_lens` {radius,
/// focus_distance}. emits_backwards is not written: all that shines does so on both sides.
///
/// Errors   refused: more than 4 GiB; those of encode_png().
/// Source   Khronos, glTF 2.0 specification, section 4 (GLB) and 5 (properties).
Result<std::string> write_glb(const GltfModel& model);

}  // namespace sovren::jobs
