// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/trace/compiled_scene.h"

namespace sovren::trace {

/// How many instances each mesh has.
inline std::vector<std::uint32_t> mesh_uses(const CompiledScene& scene) {
  std::vector<std::uint32_t> uses(scene.meshes.size());
  for (const InstanceView& instance : scene.instances)
    ++uses[static_cast<std::size_t>(instance.mesh)];
  return uses;
}

/// Do trees hold the instance's triangles in world space, rather than a reference to its mesh's
/// own tree? Where no other instance shares the mesh; and corners must go along straight lines,
/// which they do unless both the mesh and the instance move.
inline bool is_in_world(const MeshView& mesh, const InstanceView& instance, std::uint32_t uses) {
  return uses == 1 && !(mesh.first_position_end >= 0 && instance.is_moving);
}

}  // namespace sovren::trace
