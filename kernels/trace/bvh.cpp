// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bvh.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>

#include "kernels/nn/team.h"
#include "kernels/trace/bvh_binary.h"
#include "kernels/trace/bvh_collapse.h"
#include "kernels/trace/flush_denormals.h"
#include "kernels/trace/instancing.h"

namespace sovren::trace {
namespace {

struct Box {
  Vec3 low{infinity, infinity, infinity}, high{-infinity, -infinity, -infinity};
  static constexpr float infinity = std::numeric_limits<float>::infinity();

  void grow(Vec3 p) {
    low = {minimum(low.x, p.x), minimum(low.y, p.y), minimum(low.z, p.z)};
    high = {maximum(high.x, p.x), maximum(high.y, p.y), maximum(high.z, p.z)};
  }
};

BvhItem item_of(const Box& box, std::uint32_t index, BvhChild::Kind kind) {
  return {{box.low.x, box.low.y, box.low.z},
          index,
          {box.high.x, box.high.y, box.high.z},
          static_cast<std::uint32_t>(kind)};
}

/// The box of a tree's corners, seen through an instance: of all corners of its box.
Box box_through(const BvhTree& tree, const Affine& transform) {
  Box box;
  for (int corner = 0; corner < 8; ++corner)
    box.grow(transform_point(transform, {(corner & 1) != 0 ? tree.high.x : tree.low.x,
                                         (corner & 2) != 0 ? tree.high.y : tree.low.y,
                                         (corner & 4) != 0 ? tree.high.z : tree.low.z}));
  return box;
}

Error too_many(std::size_t count) {
  return {.code = Code::refused,
          .what = std::to_string(count) + " triangles are too many for one tree: at most 2^28",
          .hint = "use instances of shared meshes"};
}

/// What a tree is made of, before it is sorted.
class TreeMaker {
 public:
  TreeMaker(const CompiledScene& scene, nn::Team& team, const BvhOptions& options)
      : scene_(scene), team_(team), options_(options) {}

  /// A mesh's triangles, moved by `begin` when the shutter opens and by `end` when it closes.
  void add_triangles(const MeshView& mesh, std::uint32_t instance, const Affine& begin,
                     const Affine& end);
  void add_instance(std::uint32_t instance, const BvhTree& mesh);
  Result<BvhTree> make();

 private:
  std::vector<std::uint32_t> numbers() const;
  void put_leaves(BvhTree& tree, const std::vector<std::uint32_t>& numbers) const;

  const CompiledScene& scene_;
  nn::Team& team_;
  const BvhOptions& options_;
  std::vector<BvhItem> items_;
  std::vector<BvhTriangle> triangles_;
  std::vector<BvhMovingTriangle> moving_;
};

void TreeMaker::add_triangles(const MeshView& mesh, std::uint32_t instance, const Affine& begin,
                              const Affine& end) {
  const bool changes = mesh.first_position_end >= 0;
  const bool is_moving = changes || !(begin == end);
  const bool is_still_here = begin == Affine{};  // its corners keep their very bits
  const Vec3* at = scene_.positions.data() + mesh.first_vertex;
  const Vec3* at_end = changes ? scene_.positions_end.data() + mesh.first_position_end : at;
  const auto moved_by = [](const Affine& transform, bool is_identity, Vec3 p) {
    return is_identity ? p : transform_point(transform, p);
  };
  const std::size_t first = is_moving ? moving_.size() : triangles_.size();
  const std::size_t first_item = items_.size();
  items_.resize(first_item + mesh.triangle_count);
  if (is_moving)
    moving_.resize(first + mesh.triangle_count);
  else
    triangles_.resize(first + mesh.triangle_count);
  team_.run_blocks(mesh.triangle_count, 1 << 14, [&](std::int64_t from, std::int64_t to) {
    const FlushDenormals flush;
    for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i) {
      const Triangle& triangle =
          scene_.triangles[static_cast<std::size_t>(mesh.first_triangle) + i];
      const auto primitive = static_cast<std::uint32_t>(i);
      const auto index = static_cast<std::uint32_t>(first + i);
      Box box;
      Vec3 corner[3], corner_end[3];
      for (int k = 0; k < 3; ++k) {
        corner[k] = moved_by(begin, is_still_here, at[triangle.corner[k]]);
        box.grow(corner[k]);
        if (!is_moving) continue;
        corner_end[k] = moved_by(end, end == Affine{}, at_end[triangle.corner[k]]);
        box.grow(corner_end[k]);
      }
      if (is_moving)
        moving_[first + i] = {{corner[0], corner[1], corner[2]},
                              {corner_end[0], corner_end[1], corner_end[2]},
                              instance,
                              primitive};
      else
        triangles_[first + i] = {{corner[0], corner[1], corner[2]}, instance, primitive};
      items_[first_item + i] =
          item_of(box, index, is_moving ? BvhChild::Kind::moving : BvhChild::Kind::triangles);
    }
  });
}

void TreeMaker::add_instance(std::uint32_t instance, const BvhTree& mesh) {
  const InstanceView& view = scene_.instances[instance];
  Box box = box_through(mesh, view.world_from_object);
  if (view.is_moving) {
    // Between two times a corner is between its two places.
    const Box end = box_through(mesh, view.world_from_object_end);
    box.grow(end.low);
    box.grow(end.high);
  }
  items_.push_back(item_of(box, instance, BvhChild::Kind::instance));
}

/// Of each item, its number among those of its kind.
std::vector<std::uint32_t> TreeMaker::numbers() const {
  std::vector<std::uint32_t> numbers(items_.size());
  std::uint32_t counts[4] = {};
  for (std::size_t i = 0; i < items_.size(); ++i) numbers[i] = counts[items_[i].kind]++;
  return numbers;
}

/// What the items are, in their order, kind by kind.
void TreeMaker::put_leaves(BvhTree& tree, const std::vector<std::uint32_t>& numbers) const {
  const auto count = static_cast<std::int64_t>(items_.size());
  tree.triangles.resize(triangles_.size());
  tree.moving.resize(moving_.size());
  tree.instances.resize(items_.size() - triangles_.size() - moving_.size());
  team_.run_blocks(count, 1 << 14, [&](std::int64_t from, std::int64_t to) {
    for (auto i = static_cast<std::size_t>(from); i < static_cast<std::size_t>(to); ++i) {
      const BvhItem& item = items_[i];
      if (item.kind == static_cast<std::uint32_t>(BvhChild::Kind::triangles))
        tree.triangles[numbers[i]] = triangles_[item.index];
      else if (item.kind == static_cast<std::uint32_t>(BvhChild::Kind::moving))
        tree.moving[numbers[i]] = moving_[item.index];
      else
        tree.instances[numbers[i]] = item.index;
    }
  });
  for (BvhNode& node : tree.nodes)
    for (BvhChild& child : node.child)
      if (child.kind() != BvhChild::Kind::inner)
        child = BvhChild::make(child.kind(), child.count(), numbers[child.first()]);
}

Result<BvhTree> TreeMaker::make() {
  BvhTree tree;
  if (items_.empty()) return tree;
  if (items_.size() > BvhChild::first_max) return fail(too_many(items_.size()));
  BinaryTree binary = build_binary(items_, team_);
  const BinaryNode& all = binary.upper[0];
  tree.low = {all.low[0], all.low[1], all.low[2]};
  tree.high = {all.high[0], all.high[1], all.high[2]};
  tree.nodes = collapse(std::move(binary), items_, options_, team_);
  put_leaves(tree, numbers());
  return tree;
}

template <class T>
std::size_t bytes_of(const std::vector<T>& values) {
  return values.capacity() * sizeof(T);
}

}  // namespace

std::size_t BvhTree::size_bytes() const {
  return bytes_of(nodes) + bytes_of(triangles) + bytes_of(moving) + bytes_of(instances);
}

std::size_t Bvh::size_bytes() const {
  std::size_t bytes = world.size_bytes() + bytes_of(meshes);
  for (const BvhTree& mesh : meshes) bytes += mesh.size_bytes();
  return bytes;
}

Result<Bvh> build_bvh(const CompiledScene& scene, int threads, const BvhOptions& options) {
  const FlushDenormals flush;
  nn::Team team(std::max(1, threads));
  Bvh bvh;
  bvh.meshes.resize(scene.meshes.size());
  TreeMaker world(scene, team, options);
  const std::vector<std::uint32_t> uses = mesh_uses(scene);
  for (std::uint32_t i = 0; i < scene.instances.size(); ++i) {
    const InstanceView& instance = scene.instances[i];
    const auto number = static_cast<std::size_t>(instance.mesh);
    const MeshView& mesh = scene.meshes[number];
    if (mesh.triangle_count == 0) continue;
    if (is_in_world(mesh, instance, uses[number])) {
      world.add_triangles(mesh, i, instance.world_from_object, instance.world_from_object_end);
      continue;
    }
    if (bvh.meshes[number].nodes.empty()) {
      TreeMaker shared(scene, team, options);
      shared.add_triangles(mesh, 0, Affine{}, Affine{});
      SOVREN_TRY(tree, shared.make());
      bvh.meshes[number] = std::move(tree);
    }
    world.add_instance(i, bvh.meshes[number]);
  }
  SOVREN_TRY(tree, world.make());
  bvh.world = std::move(tree);
  return bvh;
}

}  // namespace sovren::trace
