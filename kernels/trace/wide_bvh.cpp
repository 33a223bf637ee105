// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/wide_bvh.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

#include "kernels/nn/team.h"
#include "kernels/trace/wide_traversal.h"

namespace sovren::trace {
namespace {

constexpr std::int64_t block = 1024;  // nodes that a thread does at a time

/// A node's place among those of all trees, and what it is made of.
struct Placed {
  const BvhTree* tree = nullptr;
  std::uint32_t node = 0;  ///< of the tree
  std::uint32_t first_child = 0, first_item = 0, first_end = 0;
};

/// Numbers of nodes, items and ends, from the root on and children after their parents.
class Layout {
 public:
  /// Returns the root's number.
  std::uint32_t add(const BvhTree& tree) {
    const auto root = static_cast<std::uint32_t>(nodes_.size());
    nodes_.push_back({&tree});
    std::vector<Open> open;
    if (!tree.nodes.empty()) open.push_back({root, 1});
    while (!open.empty()) {
      const Open one = open.back();
      open.pop_back();
      levels_ = std::max(levels_, one.level);
      place_children(tree, one, open);
    }
    return root;
  }
  std::vector<Placed>& nodes() { return nodes_; }
  std::uint32_t items() const { return items_; }
  std::uint32_t ends() const { return ends_; }
  /// Of the deepest tree that was added since the last call.
  std::uint32_t take_levels() { return std::exchange(levels_, 0); }

 private:
  struct Open {
    std::uint32_t number = 0;
    std::uint32_t level = 0;
  };

  void place_children(const BvhTree& tree, const Open& one, std::vector<Open>& open) {
    const BvhNode& node = tree.nodes[nodes_[one.number].node];
    nodes_[one.number].first_child = static_cast<std::uint32_t>(nodes_.size());
    nodes_[one.number].first_item = items_;
    nodes_[one.number].first_end = ends_;
    const std::size_t before = open.size();
    for (const BvhChild& child : node.child) {
      if (child.bits == 0) continue;
      if (child.kind() == BvhChild::Kind::inner) {
        open.push_back({static_cast<std::uint32_t>(nodes_.size()), one.level + 1});
        nodes_.push_back({&tree, child.first()});
        continue;
      }
      items_ += child.count();
      if (child.kind() == BvhChild::Kind::moving) ends_ += child.count();
    }
    // The first child's descendants come next in memory.
    std::reverse(open.begin() + static_cast<std::ptrdiff_t>(before), open.end());
  }

  std::vector<Placed> nodes_;
  std::uint32_t items_ = 0, ends_ = 0, levels_ = 0;
};

/// A grid of 255 cells that covers [low, high]: the exponent of the smallest power of two that its
/// cells may have. Cells are no finer than what 40 bits tell apart there, so that double is exact.
int cell_exponent(double low, double high) {
  const int finest = std::ilogb(std::max({std::fabs(low), std::fabs(high), 0x1p-80})) - 40;
  int exponent = high > low ? std::max(std::ilogb((high - low) / 255), finest) : finest;
  while (low + std::ldexp(255, exponent) < high) ++exponent;
  return std::max(exponent, -126);
}

void set_byte(std::uint32_t (&words)[2], int slot, std::uint32_t value) {
  words[slot / 4] |= value << (8 * (slot % 4));
}

/// Bounds of the children on one axis, rounded outwards to cells.
void set_bounds(const BvhNode& from, int axis, WideNode& to) {
  double low = 0, high = 0;
  bool is_first = true;
  for (int slot = 0; slot < bvh_width; ++slot) {
    if (from.child[slot].bits == 0) continue;
    const double child_low = from.low[axis][slot], child_high = from.high[axis][slot];
    low = is_first ? child_low : std::min(low, child_low);
    high = is_first ? child_high : std::max(high, child_high);
    is_first = false;
  }
  const int exponent = cell_exponent(low, high);
  const double cell = std::ldexp(1, exponent);
  to.origin[axis] = static_cast<float>(low);
  to.scales_and_inner |= static_cast<std::uint32_t>(exponent + 127) << (8 * axis);
  for (int slot = 0; slot < bvh_width; ++slot) {
    if (from.child[slot].bits == 0) continue;
    set_byte(to.low[axis], slot,
             static_cast<std::uint32_t>(
                 std::floor((static_cast<double>(from.low[axis][slot]) - low) / cell)));
    set_byte(to.high[axis], slot,
             static_cast<std::uint32_t>(
                 std::ceil((static_cast<double>(from.high[axis][slot]) - low) / cell)));
  }
}

class Writer {
 public:
  Writer(const CompiledScene& scene, const std::vector<std::uint32_t>& roots, WideBvh& to)
      : scene_(scene), roots_(roots), to_(to) {}

  void write(const Placed& placed, WideNode& node) const {
    node.first_child = placed.first_child;
    node.first_item = placed.first_item;
    if (placed.tree->nodes.empty()) return;
    const BvhNode& from = placed.tree->nodes[placed.node];
    for (int axis = 0; axis < 3; ++axis) set_bounds(from, axis, node);
    std::uint32_t item = 0, end = placed.first_end;
    for (int slot = 0; slot < bvh_width; ++slot) {
      const BvhChild child = from.child[slot];
      if (child.bits == 0) continue;
      if (child.kind() == BvhChild::Kind::inner) {
        node.scales_and_inner |= 1U << (24 + slot);
        set_byte(node.kinds, slot, 1U << 5 | 24U | static_cast<std::uint32_t>(slot));
        continue;
      }
      set_byte(node.kinds, slot, ((1U << child.count()) - 1) << 5 | item);
      for (std::uint32_t k = 0; k < child.count(); ++k)
        to_.items[placed.first_item + item++] = item_of(*placed.tree, child, k, end);
    }
  }

 private:
  WideItem item_of(const BvhTree& tree, BvhChild child, std::uint32_t k, std::uint32_t& end) const {
    const std::size_t number = child.first() + std::size_t{k};
    if (child.kind() == BvhChild::Kind::instance) {
      const std::uint32_t instance = tree.instances[number];
      const int mesh = scene_.instances[instance].mesh;
      return {.primitive = is_instance,
              .instance = instance,
              .link = roots_[static_cast<std::size_t>(mesh)]};
    }
    if (child.kind() == BvhChild::Kind::moving) {
      const BvhMovingTriangle& t = tree.moving[number];
      to_.ends[end] = {t.end[0], t.end[1], t.end[2]};
      return {t.begin[0], t.primitive, t.begin[1], t.instance, t.begin[2], end++};
    }
    const BvhTriangle& t = tree.triangles[number];
    return {t.corner[0], t.primitive, t.corner[1], t.instance, t.corner[2], no_hit};
  }

  const CompiledScene& scene_;
  const std::vector<std::uint32_t>& roots_;  ///< of the meshes' trees
  WideBvh& to_;
};

class WideBvhTracer final : public Tracer {
 public:
  WideBvhTracer(std::shared_ptr<const CompiledScene> scene, WideBvh bvh)
      : scene_(std::move(scene)),
        bvh_(std::move(bvh)),
        view_(bvh_.view(scene_->instances.data())) {}

  void closest(std::span<const Ray> rays, std::span<Hit> hits) const override {
    for (std::size_t i = 0; i < rays.size(); ++i) hits[i] = walk_through<false>(view_, rays[i]);
  }
  void occluded(std::span<const Ray> rays, std::span<std::uint8_t> is_occluded) const override {
    for (std::size_t i = 0; i < rays.size(); ++i)
      is_occluded[i] = walk_through<true>(view_, rays[i]).instance == no_hit ? 0 : 1;
  }
  std::string name() const override { return "compressed wide bvh"; }
  std::int64_t size_bytes() const override { return bvh_.size_bytes(); }

 private:
  std::shared_ptr<const CompiledScene> scene_;
  WideBvh bvh_;
  WideView view_;
};

}  // namespace

std::int64_t WideBvh::size_bytes() const {
  return static_cast<std::int64_t>(nodes.size() * sizeof(WideNode) +
                                   items.size() * sizeof(WideItem) +
                                   ends.size() * sizeof(WideEnds));
}

Result<WideBvh> build_wide_bvh(const CompiledScene& scene, int threads) {
  SOVREN_TRY(
      bvh,
      build_bvh(
          scene, threads,
          {.leaf_max = wide_leaf_items, .node_cost = 1, .leaf_cost = 0, .triangle_cost = 0.3F}));
  Layout layout;
  layout.add(bvh.world);
  const std::uint32_t world_levels = layout.take_levels();
  std::vector<std::uint32_t> roots(scene.meshes.size(), 0);
  for (std::size_t mesh = 0; mesh < bvh.meshes.size(); ++mesh)
    if (!bvh.meshes[mesh].nodes.empty()) roots[mesh] = layout.add(bvh.meshes[mesh]);
  WideBvh wide;
  wide.stack_size = 2 * (world_levels + layout.take_levels()) + 2;
  wide.nodes.resize(layout.nodes().size());
  wide.items.resize(layout.items());
  wide.ends.resize(layout.ends());
  const Writer writer(scene, roots, wide);
  nn::Team team(threads);
  team.run_blocks(static_cast<std::int64_t>(wide.nodes.size()), block,
                  [&](std::int64_t first, std::int64_t end) {
                    for (auto i = static_cast<std::size_t>(first);
                         i < static_cast<std::size_t>(end); ++i)
                      writer.write(layout.nodes()[i], wide.nodes[i]);
                  });
  return wide;
}

Result<std::unique_ptr<Tracer>> make_wide_bvh_tracer(std::shared_ptr<const CompiledScene> scene,
                                                     int threads) {
  SOVREN_TRY(bvh, build_wide_bvh(*scene, threads));
  return std::make_unique<WideBvhTracer>(std::move(scene), std::move(bvh));
}

}  // namespace sovren::trace
