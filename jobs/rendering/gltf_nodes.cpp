// SPDX-License-Identifier: Apache-2.0
#include "jobs/rendering/gltf_nodes.h"

#include <algorithm>
#include <utility>

#include "jobs/rendering/gltf_document.h"
#include "kernels/trace/film.h"

namespace sovren::jobs::gltf {

using trace::Affine;
using trace::Vec3;
using trace::Vec4;

namespace {

Result<Affine> read_matrix(const Place& place) {
  constexpr std::array<float, 16> identity = {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1};
  SOVREN_TRY(m, place.numbers("matrix", identity));
  if (m[3] != 0 || m[7] != 0 || m[11] != 0 || m[15] != 1)
    return place.wrong_at("matrix", "its last row must be 0, 0, 0, 1");
  return Affine{{{m[0], m[1], m[2]}, {m[4], m[5], m[6]}, {m[8], m[9], m[10]}},
                {m[12], m[13], m[14]}};
}

Result<Pose> read_pose(const Place& place) {
  Pose pose;
  SOVREN_TRY(t, place.numbers("translation", std::array<float, 3>{0, 0, 0}));
  SOVREN_TRY(r, place.numbers("rotation", std::array<float, 4>{0, 0, 0, 1}));
  SOVREN_TRY(s, place.numbers("scale", std::array<float, 3>{1, 1, 1}));
  SOVREN_TRY(matrix, read_matrix(place));
  SOVREN_TRY(weights, place.numbers("weights"));
  const float size = trace::root(r[0] * r[0] + r[1] * r[1] + r[2] * r[2] + r[3] * r[3]);
  if (!(size > 0) || !trace::is_finite(size))
    return place.wrong_at("rotation", "must be a quaternion of length 1");
  pose.translation = {t[0], t[1], t[2]};
  pose.rotation = Vec4{r[0], r[1], r[2], r[3]} * (1 / size);
  pose.scale = {s[0], s[1], s[2]};
  pose.matrix = matrix;
  pose.weights = std::move(weights);
  return pose;
}

Result<Node> read_node(const Document& document, const Place& place, int lights) {
  Node node;
  SOVREN_TRY(name, place.text("name", ""));
  SOVREN_TRY(children, place.indices("children", "nodes", document.count(Part::nodes)));
  SOVREN_TRY(mesh, place.index("mesh", "meshes", document.count(Part::meshes)));
  SOVREN_TRY(camera, place.index("camera", "cameras", document.count(Part::cameras)));
  SOVREN_TRY(skin, place.index("skin", "skins", document.count(Part::skins)));
  SOVREN_TRY(light, place.extension("KHR_lights_punctual"));
  if (light) {
    SOVREN_TRY(number, light->needed_index("light", "lights", lights));
    node.light = number;
  }
  node.name = std::move(name);
  node.children = std::move(children);
  node.mesh = mesh;
  node.camera = camera;
  node.skin = skin;
  node.has_matrix = place.has("matrix");
  return node;
}

Result<int> count_lights(const Document& document) {
  SOVREN_TRY(extension, document.root().extension("KHR_lights_punctual"));
  if (!extension) return 0;
  SOVREN_TRY(lights, extension->objects("lights"));
  return static_cast<int>(lights.size());
}

Result<void> set_parents(const Document& document, std::vector<Node>& nodes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (std::size_t k = 0; k < nodes[i].children.size(); ++k) {
      Node& child = nodes[static_cast<std::size_t>(nodes[i].children[k])];
      if (child.parent >= 0)
        return document.item(Part::nodes, static_cast<int>(i))
            .wrong_at("children/" + std::to_string(k),
                      "node " + std::to_string(nodes[i].children[k]) +
                          " has a parent already: " + "node " + std::to_string(child.parent));
      child.parent = static_cast<int>(i);
    }
  }
  return {};
}

// The nodes below `starts`, depth first; a node that was there before is not visited again.
std::vector<int> below(const std::vector<Node>& nodes, const std::vector<int>& starts) {
  std::vector<int> order, waiting(starts.rbegin(), starts.rend());
  std::vector<bool> was_visited(nodes.size());
  while (!waiting.empty()) {
    const int at = waiting.back();
    waiting.pop_back();
    if (was_visited[static_cast<std::size_t>(at)]) continue;
    was_visited[static_cast<std::size_t>(at)] = true;
    order.push_back(at);
    const auto& children = nodes[static_cast<std::size_t>(at)].children;
    waiting.insert(waiting.end(), children.rbegin(), children.rend());
  }
  return order;
}

// The roots of the file's scene; where it has none, all nodes without a parent.
Result<std::vector<int>> scene_roots(const Document& document, const std::vector<int>& roots) {
  SOVREN_TRY(scene, document.root().index("scene", "scenes", document.count(Part::scenes)));
  if (scene < 0 && document.count(Part::scenes) == 0) return roots;
  return document.item(Part::scenes, std::max(scene, 0))
      .indices("nodes", "nodes", document.count(Part::nodes));
}

}  // namespace

Result<NodeTree> read_nodes(Document& document) {
  NodeTree tree;
  SOVREN_TRY(lights, count_lights(document));
  const int count = document.count(Part::nodes);
  for (int i = 0; i < count; ++i) {
    const Place place = document.item(Part::nodes, i);
    SOVREN_TRY(node, read_node(document, place, lights));
    SOVREN_TRY(pose, read_pose(place));
    tree.nodes.push_back(std::move(node));
    tree.rest.push_back(std::move(pose));
  }
  SOVREN_DO(set_parents(document, tree.nodes));
  std::vector<int> roots;
  for (int i = 0; i < count; ++i)
    if (tree.nodes[static_cast<std::size_t>(i)].parent < 0) roots.push_back(i);
  tree.parents_first = below(tree.nodes, roots);
  if (std::ssize(tree.parents_first) < count) {
    // Each has one parent at most, so what no root leads to hangs on a ring.
    std::vector<int> sorted = tree.parents_first;
    std::ranges::sort(sorted);
    int lost = 0;
    while (lost < std::ssize(sorted) && sorted[static_cast<std::size_t>(lost)] == lost) ++lost;
    return document.item(Part::nodes, lost).wrong("is, or hangs on, its own descendant");
  }
  SOVREN_TRY(shown, scene_roots(document, roots));
  tree.shown = below(tree.nodes, shown);
  return tree;
}

Affine affine_from(const Vec3& translation, const Vec4& q, const Vec3& scale) {
  const float xx = q.x * q.x, yy = q.y * q.y, zz = q.z * q.z;
  const float xy = q.x * q.y, xz = q.x * q.z, yz = q.y * q.z;
  const float wx = q.w * q.x, wy = q.w * q.y, wz = q.w * q.z;
  return {{Vec3{1 - 2 * (yy + zz), 2 * (xy + wz), 2 * (xz - wy)} * scale.x,
           Vec3{2 * (xy - wz), 1 - 2 * (xx + zz), 2 * (yz + wx)} * scale.y,
           Vec3{2 * (xz + wy), 2 * (yz - wx), 1 - 2 * (xx + yy)} * scale.z},
          translation};
}

bool is_finite(const Affine& a) {
  return trace::is_finite(a.columns[0]) && trace::is_finite(a.columns[1]) &&
         trace::is_finite(a.columns[2]) && trace::is_finite(a.origin);
}

Result<std::vector<Affine>> world_from_nodes(const Document& document, const NodeTree& tree,
                                             const std::vector<Pose>& poses) {
  std::vector<Affine> world(tree.nodes.size());
  for (const int i : tree.parents_first) {
    const auto at = static_cast<std::size_t>(i);
    const Pose& pose = poses[at];
    const Affine local = tree.nodes[at].has_matrix
                             ? pose.matrix
                             : affine_from(pose.translation, pose.rotation, pose.scale);
    const int parent = tree.nodes[at].parent;
    world[at] = parent < 0 ? local : world[static_cast<std::size_t>(parent)] * local;
    if (!is_finite(world[at]))
      return document.item(Part::nodes, i).wrong("its transform into the world is not finite");
  }
  return world;
}

}  // namespace sovren::jobs::gltf
