// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "jobs/rendering/mitsuba_xml.h"
#include "kernels/trace/scene.h"

namespace sovren::jobs::mitsuba {

/// A shape as triangles, and where it stands.
struct Shape {
  std::vector<trace::Mesh> meshes;  ///< of one material; of an OBJ file there may be many
  trace::Affine world_from_object;
};

/// obj, ply, rectangle, sphere, cube, disk, cylinder. Another type: none, with a warning.
/// Errors   data_invalid with file and line; those of the files that it names.
Result<std::optional<Shape>> read_shape(const Node& shape, std::int64_t bytes_max);

}  // namespace sovren::jobs::mitsuba
