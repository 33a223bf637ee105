// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/bsdf_tables.h"
#include "kernels/trace/scene.h"
#include "kernels/trace/view.h"

namespace sovren::trace {

/// Flat arrays made of a scene, and the tables that go with them: what kernels on the CPU read, and
/// what is copied to a device.
///
/// Threads  read by any number once made.   Owner   all that view() points at.
struct CompiledScene {
  std::vector<Vec3> positions, positions_end, normals;
  std::vector<Vec4> tangents, colors;
  std::vector<Vec2> uv;
  std::vector<Triangle> triangles;
  std::vector<MeshView> meshes;
  std::vector<InstanceView> instances;
  std::vector<Material> materials;
  std::vector<Texture> textures;                   ///< level 0 of each
  std::vector<std::vector<std::byte>> mip_texels;  ///< smaller levels of each texture, one after
                                                   ///< another
  std::vector<TextureView> texture_views;
  std::vector<LightView> lights;
  std::uint32_t placed_light_count = 0;
  std::vector<AliasEntry> light_chances;
  std::vector<LightNode> light_nodes;
  std::vector<std::uint32_t> light_leaf;
  std::vector<AliasEntry> environment_cells;
  EnvironmentView environment;
  BsdfTableData bsdf_tables;
  std::vector<Camera> cameras;
  std::vector<std::string> warnings;
  bool has_alpha = false;
  Vec3 low, high;

  /// Points into this object: it must stay where it is.
  SceneView view() const;
  std::int64_t size_bytes() const;
};

/// What a scene has that no picture can be made of.
/// Errors   data_invalid: a vertex is not finite, a triangle names a corner that is not there, a
///          material, mesh or texture number is out of range, a transform is not finite;
///          each naming the mesh or node. Triangles without area, and nodes whose transform has no
///          inverse, are left out, with a warning.
Result<std::shared_ptr<const CompiledScene>> compile(Scene scene);

}  // namespace sovren::trace
