// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "jobs/rendering/gltf_accessor.h"
#include "jobs/rendering/gltf_animation.h"
#include "jobs/rendering/gltf_document.h"
#include "jobs/rendering/gltf_materials.h"
#include "jobs/rendering/gltf_nodes.h"
#include "jobs/rendering/gltf_shape.h"
#include "jobs/rendering/gltf_views.h"
#include "jobs/rendering/scene_file.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

namespace gltf {

namespace {

using trace::Affine;

/// All nodes at one moment.
struct Moment {
  std::vector<Pose> poses;
  std::vector<Affine> world;
};

Result<Moment> moment_at(Document& document, const NodeTree& tree, double time_s) {
  SOVREN_TRY(poses, poses_at(document, tree, time_s));
  SOVREN_TRY(world, world_from_nodes(document, tree, poses));
  return Moment{std::move(poses), std::move(world)};
}

/// A primitive as a mesh of the scene; -1: it has no triangles.
using Parts = std::vector<int>;

class Reader {
 public:
  Reader(Document& document, NodeTree tree, Moment opens, Moment closes)
      : document_(document),
        tree_(std::move(tree)),
        opens_(std::move(opens)),
        closes_(std::move(closes)),
        materials_(document),
        shared_(static_cast<std::size_t>(document.count(Part::meshes))) {}

  Result<trace::Scene> read() {
    for (const int node : tree_.shown) SOVREN_DO(read_node(node));
    scene_.materials = materials_.take();
    scene_.textures = materials_.take_textures();
    scene_.warnings = document_.take_warnings();
    return std::move(scene_);
  }

 private:
  Result<void> read_node(int index);
  Result<void> place_mesh(int index, const Node& node);
  Result<void> place_instances(int index, const Place& instancing, const Parts& parts);
  Result<void> add_instance(int index, const Parts& parts, const Affine& opens,
                            const Affine& closes);
  Result<Parts> parts_of(int mesh, const std::optional<std::pair<Bend, Bend>>& bends);
  Result<std::optional<std::pair<Bend, Bend>>> bends_of(int index, const Node& node);
  Result<std::vector<Affine>> inverse_binds(const Place& skin, std::size_t joints);
  const Affine& world(const Moment& moment, int node) const {
    return moment.world[static_cast<std::size_t>(node)];
  }

  Document& document_;
  NodeTree tree_;
  Moment opens_, closes_;
  Materials materials_;
  std::vector<std::optional<Parts>> shared_;  // of each mesh of the file that nothing bends
  trace::Scene scene_;
  int objects_ = 0;
};

Result<void> Reader::read_node(int index) {
  const Node& node = tree_.nodes[static_cast<std::size_t>(index)];
  if (node.camera >= 0) {
    SOVREN_TRY(camera, read_camera(document_, node, world(opens_, index), world(closes_, index)));
    scene_.cameras.push_back(std::move(camera));
  }
  if (node.light >= 0) {
    SOVREN_TRY(light, read_light(document_, node, world(opens_, index)));
    scene_.lights.push_back(std::move(light));
  }
  if (node.mesh < 0) return {};
  return place_mesh(index, node);
}

Result<void> Reader::place_mesh(int index, const Node& node) {
  const Place place = document_.item(Part::nodes, index);
  SOVREN_TRY(bends, bends_of(index, node));
  SOVREN_TRY(parts, parts_of(node.mesh, bends));
  SOVREN_TRY(instancing, place.extension("EXT_mesh_gpu_instancing"));
  const bool is_skinned = bends && !bends->first.joints.empty();
  if (is_skinned) {
    if (instancing) document_.warn(place, "has a skin: its instances are left out");
    return add_instance(index, parts, {}, {});
  }
  if (instancing) return place_instances(index, *instancing, parts);
  return add_instance(index, parts, world(opens_, index), world(closes_, index));
}

Result<void> Reader::place_instances(int index, const Place& instancing, const Parts& parts) {
  SOVREN_TRY(attributes, instancing.needed_object("attributes"));
  std::vector<trace::Vec3> translations, scales;
  std::vector<trace::Vec4> rotations;
  if (attributes.has("TRANSLATION")) {
    SOVREN_TRY(read,
               read_vectors<trace::Vec3>(document_, attributes, "TRANSLATION", {{"VEC3"}, f32}));
    translations = std::move(read);
  }
  if (attributes.has("ROTATION")) {
    SOVREN_TRY(read, read_vectors<trace::Vec4>(document_, attributes, "ROTATION",
                                               {{"VEC4"}, f32 | norm_i8 | norm_i16}));
    rotations = std::move(read);
  }
  if (attributes.has("SCALE")) {
    SOVREN_TRY(read, read_vectors<trace::Vec3>(document_, attributes, "SCALE", {{"VEC3"}, f32}));
    scales = std::move(read);
  }
  const std::size_t count = std::max({translations.size(), rotations.size(), scales.size()});
  for (const std::size_t size : {translations.size(), rotations.size(), scales.size()})
    if (size != 0 && size != count)
      return attributes.wrong("its attributes have " + std::to_string(size) + " and " +
                              std::to_string(count) + " elements; all must have as many");
  for (std::size_t i = 0; i < count; ++i) {
    trace::Vec4 q = rotations.empty() ? trace::Vec4{0, 0, 0, 1} : rotations[i];
    const float size = trace::root(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w);
    if (!(size > 0) || !trace::is_finite(size))
      return attributes.wrong_at("ROTATION",
                                 "element " + std::to_string(i) + " is no quaternion of length 1");
    const Affine local =
        affine_from(translations.empty() ? trace::Vec3{} : translations[i], q * (1 / size),
                    scales.empty() ? trace::Vec3{1, 1, 1} : scales[i]);
    SOVREN_DO(
        add_instance(index, parts, world(opens_, index) * local, world(closes_, index) * local));
  }
  return {};
}

Result<void> Reader::add_instance(int index, const Parts& parts, const Affine& opens,
                                  const Affine& closes) {
  const Node& node = tree_.nodes[static_cast<std::size_t>(index)];
  const Place place = document_.item(Part::nodes, index);
  if (!is_finite(opens) || !is_finite(closes))
    return place.wrong("an instance's transform into the world is not finite");
  ++objects_;
  // A scale of 0 is how animations hide things.
  const auto is_flat = [](const Affine& m) {
    return !(trace::magnitude(trace::determinant(m)) > 1e-30F);
  };
  if (is_flat(opens) || is_flat(closes)) {
    document_.warn(place, "is scaled to nothing and left out");
    return {};
  }
  for (const int mesh : parts) {
    if (mesh < 0) continue;
    SOVREN_DO(document_.charge(
        static_cast<std::int64_t>(sizeof(trace::Instance) + node.name.size()), place));
    scene_.instances.push_back({node.name, mesh, objects_, opens, closes});
  }
  return {};
}

Result<Parts> Reader::parts_of(int mesh, const std::optional<std::pair<Bend, Bend>>& bends) {
  auto& shared = shared_[static_cast<std::size_t>(mesh)];
  if (!bends && shared) return *shared;
  const Place place = document_.item(Part::meshes, mesh);
  SOVREN_TRY(name, place.text("name", ""));
  SOVREN_TRY(primitives, place.objects("primitives"));
  if (primitives.empty()) return place.wrong("has no primitives");
  Parts parts;
  for (const Place& primitive : primitives) {
    SOVREN_TRY(material,
               primitive.index("material", "materials", document_.count(Part::materials)));
    SOVREN_TRY(shape, read_shape(document_, primitive));
    parts.push_back(shape ? static_cast<int>(scene_.meshes.size()) : -1);
    if (!shape) continue;
    if (bends) SOVREN_DO(bend_shape(document_, primitive, bends->first, bends->second, *shape));
    SOVREN_TRY(number, materials_.number_of(material));
    shape->material = number;
    shape->name = name;
    scene_.meshes.push_back(std::move(*shape));
  }
  if (!bends) shared = parts;
  return parts;
}

// None: the mesh is as the file has it.
Result<std::optional<std::pair<Bend, Bend>>> Reader::bends_of(int index, const Node& node) {
  using Bends = std::optional<std::pair<Bend, Bend>>;
  const Place mesh = document_.item(Part::meshes, node.mesh);
  SOVREN_TRY(usual, mesh.numbers("weights"));
  Bend bends[2];
  for (const int i : {0, 1}) {
    const Pose& pose = (i == 0 ? opens_ : closes_).poses[static_cast<std::size_t>(index)];
    bends[i].weights = pose.weights.empty() ? usual : pose.weights;
  }
  const auto is_still = [](const Bend& bend) {
    return std::ranges::all_of(bend.weights, [](float weight) { return weight == 0; });
  };
  if (node.skin < 0)
    return is_still(bends[0]) && is_still(bends[1])
               ? Bends()
               : Bends(std::pair(std::move(bends[0]), std::move(bends[1])));
  const Place skin = document_.item(Part::skins, node.skin);
  SOVREN_TRY(joints, skin.indices("joints", "nodes", document_.count(Part::nodes)));
  if (joints.empty()) return skin.wrong("has no joints");
  SOVREN_TRY(binds, inverse_binds(skin, joints.size()));
  for (std::size_t i = 0; i < joints.size(); ++i) {
    bends[0].joints.push_back(world(opens_, joints[i]) * binds[i]);
    bends[1].joints.push_back(world(closes_, joints[i]) * binds[i]);
  }
  return Bends(std::pair(std::move(bends[0]), std::move(bends[1])));
}

Result<std::vector<Affine>> Reader::inverse_binds(const Place& skin, std::size_t joints) {
  std::vector<Affine> binds(joints);
  if (!skin.has("inverseBindMatrices")) return binds;
  SOVREN_TRY(accessor, Accessor::open(document_, skin, "inverseBindMatrices", {{"MAT4"}, f32}));
  if (accessor.count() < static_cast<std::int64_t>(joints))
    return skin.wrong_at("inverseBindMatrices", "has " + std::to_string(accessor.count()) +
                                                    " matrices for " + std::to_string(joints) +
                                                    " joints");
  for (std::size_t j = 0; j < joints; ++j) {
    const auto at = [&](int column, int row) {
      return accessor.at(static_cast<std::int64_t>(j), column * 4 + row);
    };
    for (int c = 0; c < 3; ++c) binds[j].columns[c] = {at(c, 0), at(c, 1), at(c, 2)};
    binds[j].origin = {at(3, 0), at(3, 1), at(3, 2)};
    if (!is_finite(binds[j]))
      return skin.wrong_at("inverseBindMatrices", "matrix " + std::to_string(j) + " is not finite");
  }
  return binds;
}

}  // namespace

}  // namespace gltf

Result<trace::Scene> read_gltf(const std::string& path, const SceneMoment& moment) {
  using namespace gltf;
  SOVREN_TRY(document, Document::open(path, moment.bytes_max, moment.assets));
  SOVREN_TRY(tree, read_nodes(*document));
  SOVREN_TRY(opens, moment_at(*document, tree, moment.time_s));
  Moment closes = opens;
  if (moment.end_time_s != moment.time_s) {
    SOVREN_TRY(end, moment_at(*document, tree, moment.end_time_s));
    closes = std::move(end);
  }
  Reader reader(*document, std::move(tree), std::move(opens), std::move(closes));
  return reader.read();
}

}  // namespace sovren::jobs
