// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/trace/scene.h"

namespace sovren::jobs {

// A scene as a glTF 2.0 document has it, with nodes that move: what our generator makes and
// write_glb() (gltf_writer.h) writes. All numbers of things count from 0; -1 is none.

/// Triangles of one material. joints: four of GltfSkin::joints for each vertex, or none.
struct GltfPart {
  trace::Mesh triangles;
  std::vector<std::array<std::uint8_t, 4>> joints;
  std::vector<trace::Vec4> weights;  ///< of those joints; their sum is 1
};

struct GltfMesh {
  std::string name;
  std::vector<GltfPart> parts;
};

/// x' = translation + rotate(rotation, scale x), within the parent.
struct GltfNode {
  std::string name;
  trace::Vec3 translation{0, 0, 0};
  trace::Vec4 rotation{0, 0, 0, 1};  ///< a unit quaternion; w is its real part
  trace::Vec3 scale{1, 1, 1};
  int mesh = -1, camera = -1, light = -1, skin = -1;
  std::vector<int> children;  ///< a node is the child of one other at most
};

/// Which nodes bend a mesh, and where they stood when it was straight.
struct GltfSkin {
  std::vector<int> joints;                       ///< nodes
  std::vector<trace::Affine> joint_from_object;  ///< of each joint, as the mesh was built
};

/// What one property of one node does over time. cubic: three values for each time: the tangent
/// that arrives, the value, the tangent that leaves.
struct GltfChannel {
  enum class Path { translation, rotation, scale };
  enum class Interpolation { linear, step, cubic };
  int node = 0;
  Path path = Path::translation;
  Interpolation interpolation = Interpolation::linear;
  std::vector<float> times_s;
  std::vector<trace::Vec4> values;  ///< w: of rotations
};

struct GltfModel {
  std::vector<trace::Texture> textures;
  std::vector<trace::Material> materials;
  std::vector<std::string> material_names;
  std::vector<GltfMesh> meshes;
  std::vector<GltfNode> nodes;
  std::vector<trace::Camera> cameras;        ///< where they stand is their node's
  std::vector<trace::PunctualLight> lights;  ///< position and direction are their node's
  std::vector<GltfSkin> skins;
  std::vector<GltfChannel> animation;
};

}  // namespace sovren::jobs
