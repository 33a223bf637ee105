// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "kernels/trace/vec.h"

namespace sovren::jobs::gltf {

class Document;

/// A node as the file has it; numbers of the document's arrays, -1: none.
struct Node {
  std::string name;
  int parent = -1;
  std::vector<int> children;
  int mesh = -1, camera = -1, skin = -1, light = -1;
  bool has_matrix = false;  ///< then it cannot be animated
};

/// How a node stands in its parent, and how its mesh is morphed, at one moment.
struct Pose {
  trace::Vec3 translation{0, 0, 0};
  trace::Vec4 rotation{0, 0, 0, 1};  ///< unit quaternion
  trace::Vec3 scale{1, 1, 1};
  trace::Affine matrix;        ///< instead of these, of a node that has one
  std::vector<float> weights;  ///< empty: those of the mesh
};

struct NodeTree {
  std::vector<Node> nodes;
  std::vector<Pose> rest;          ///< of each node, without animation
  std::vector<int> parents_first;  ///< all nodes
  std::vector<int> shown;          ///< those of the scene, depth first
};

/// Errors   data_invalid: a node has two parents or is its own ancestor, a transform is not finite
///          or no affine one, a number names nothing.
Result<NodeTree> read_nodes(Document& document);

/// First scale, then rotation, then translation.
trace::Affine affine_from(const trace::Vec3& translation, const trace::Vec4& rotation,
                          const trace::Vec3& scale);

/// Of each node, in such poses. Errors: data_invalid: it is not finite.
Result<std::vector<trace::Affine>> world_from_nodes(const Document& document, const NodeTree& tree,
                                                    const std::vector<Pose>& poses);

bool is_finite(const trace::Affine& affine);

}  // namespace sovren::jobs::gltf
