// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/light_tree_build.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <span>

#include "kernels/trace/math.h"

namespace sovren::trace {
namespace {

constexpr int bin_count = 12;

float along(Vec3 v, int axis) {
  return axis == 0 ? v.x : axis == 1 ? v.y : v.z;
}
Vec3 low_of(Vec3 a, Vec3 b) {
  return {minimum(a.x, b.x), minimum(a.y, b.y), minimum(a.z, b.z)};
}
Vec3 high_of(Vec3 a, Vec3 b) {
  return {maximum(a.x, b.x), maximum(a.y, b.y), maximum(a.z, b.z)};
}

/// Unit; all axes alike if the two are opposite.
float angle_between(Vec3 a, Vec3 b) {
  return arc_tan2(length(cross(a, b)), dot(a, b));
}

LightBounds both(const LightBounds& a, const LightBounds& b) {
  if (!(a.power > 0)) return b;
  if (!(b.power > 0)) return a;
  Cone first = a.normals;
  // Of a light that shines both ways either axis will do.
  if (dot(first.axis, b.normals.axis) < 0 && (a.is_two_sided || b.is_two_sided))
    first.axis = -first.axis;
  return {low_of(a.low, b.low),      high_of(a.high, b.high),
          cone_of(first, b.normals), maximum(a.emission, b.emission),
          a.power + b.power,         a.is_two_sided || b.is_two_sided};
}

/// How far the lights send their power: solid angle, weighed by the cosine beyond the normals.
float orientation_measure(const LightBounds& b) {
  const float normal = b.normals.angle;
  const float end = minimum(normal + b.emission, pi);
  float sine = 0;
  float cosine = 0;
  sin_cos(normal, sine, cosine);
  float end_sine = 0;
  float end_cosine = 0;
  sin_cos(normal - 2.0F * end, end_sine, end_cosine);
  return 2.0F * pi * (1.0F - cosine) +
         0.5F * pi * (2.0F * end * sine - end_cosine - 2.0F * normal * sine + cosine);
}

/// Of a group, without the factor that all groups of one split share.
float cost_of(const LightBounds& b) {
  if (!(b.power > 0)) return 0;
  const Vec3 d = b.high - b.low;
  // Flat groups have no area of their own, but are not free.
  const float area = d.x * d.y + d.y * d.z + d.z * d.x + 1e-3F * dot(d, d);
  return b.power * orientation_measure(b) * area;
}

struct Item {
  LightBounds bounds;
  Vec3 middle;
  std::uint32_t light = 0;
};

/// Where a group is cut: items below bin `bin` of `axis` go left.
struct Split {
  int axis = -1;
  int bin = 0;
  float low = 0, scale = 0;

  bool is_left(const Item& item) const {
    return bin_of(along(item.middle, axis), low, scale) < bin;
  }
  static int bin_of(float place, float low, float scale) {
    return std::min(static_cast<int>((place - low) * scale), bin_count - 1);
  }
};

class Builder {
 public:
  explicit Builder(LightTree& tree) : tree_(tree) {}

  void add(std::span<Item> items) {
    const auto node = static_cast<std::uint32_t>(tree_.nodes.size());
    LightBounds all;
    for (const Item& item : items) all = both(all, item.bounds);
    tree_.nodes.push_back(node_of(all));
    if (items.size() == 1) {
      tree_.nodes[node].is_leaf = true;
      tree_.nodes[node].light = items[0].light;
      tree_.leaves[items[0].light] = node;
      return;
    }
    const std::size_t left = divide(items, all);
    add(items.first(left));
    tree_.nodes[node].right = static_cast<std::uint32_t>(tree_.nodes.size());
    add(items.subspan(left));
  }

 private:
  static LightNode node_of(const LightBounds& b) {
    LightNode node;
    node.low = b.low;
    node.high = b.high;
    node.axis = b.normals.axis;
    sin_cos(b.normals.angle, node.sin_normal, node.cos_normal);
    float sine = 0;
    sin_cos(b.emission, sine, node.cos_emission);
    node.power = b.power;
    node.is_two_sided = b.is_two_sided;
    return node;
  }

  /// Orders the items; returns how many go left, at least 1 and not all.
  static std::size_t divide(std::span<Item> items, const LightBounds& all) {
    const Split split = best_split(items, all);
    if (split.axis >= 0) {
      const auto middle = std::stable_partition(
          items.begin(), items.end(), [&](const Item& item) { return split.is_left(item); });
      const auto left = static_cast<std::size_t>(middle - items.begin());
      if (left > 0 && left < items.size()) return left;
    }
    return items.size() / 2;  // all in one place
  }

  static Split best_split(std::span<const Item> items, const LightBounds& all) {
    Vec3 low = items[0].middle;
    Vec3 high = low;
    for (const Item& item : items) {
      low = low_of(low, item.middle);
      high = high_of(high, item.middle);
    }
    const Vec3 size = all.high - all.low;
    Split best;
    float best_cost = std::numeric_limits<float>::infinity();
    for (int axis = 0; axis < 3; ++axis) {
      const float width = along(high, axis) - along(low, axis);
      if (!(width > 0)) continue;
      Split split{axis, 0, along(low, axis), static_cast<float>(bin_count) / width};
      // Thin boxes are not to be cut thinner.
      const float factor = largest(size) / maximum(along(size, axis), 1e-6F * largest(size));
      if (const float cost = factor * best_bin(items, split); cost < best_cost) {
        best_cost = cost;
        best = split;
      }
    }
    return best;
  }

  /// Finds split.bin, and returns its cost.
  static float best_bin(std::span<const Item> items, Split& split) {
    std::array<LightBounds, bin_count> bins;
    for (const Item& item : items) {
      LightBounds& bin = bins[static_cast<std::size_t>(
          Split::bin_of(along(item.middle, split.axis), split.low, split.scale))];
      bin = both(bin, item.bounds);
    }
    std::array<float, bin_count> right{};  // cost of bins i and above
    LightBounds sum;
    for (std::size_t i = bin_count; i-- > 1;) {
      sum = both(sum, bins[i]);
      right[i] = cost_of(sum);
    }
    float best = std::numeric_limits<float>::infinity();
    sum = {};
    for (std::size_t i = 1; i < bin_count; ++i) {
      sum = both(sum, bins[i - 1]);
      if (const float cost = cost_of(sum) + right[i]; cost < best) {
        best = cost;
        split.bin = static_cast<int>(i);
      }
    }
    return best;
  }

  LightTree& tree_;
};

}  // namespace

Cone cone_of(const Cone& a, const Cone& b) {
  const Cone& wide = a.angle < b.angle ? b : a;
  const Cone& narrow = a.angle < b.angle ? a : b;
  const float between = angle_between(wide.axis, narrow.axis);
  if (minimum(between + narrow.angle, pi) <= wide.angle) return wide;
  const float angle = 0.5F * (wide.angle + between + narrow.angle);
  const Vec3 across = narrow.axis - wide.axis * dot(narrow.axis, wide.axis);
  if (angle >= pi || !(dot(across, across) > 1e-12F)) return {wide.axis, pi};
  float sine = 0;
  float cosine = 0;
  sin_cos(angle - wide.angle, sine, cosine);
  return {wide.axis * cosine + normalized(across) * sine, angle};
}

LightTree build_light_tree(const std::vector<LightBounds>& lights) {
  LightTree tree;
  tree.leaves.assign(lights.size(), no_leaf);
  std::vector<Item> items;
  for (std::size_t i = 0; i < lights.size(); ++i) {
    if (!(lights[i].power > 0)) continue;
    items.push_back(
        {lights[i], (lights[i].low + lights[i].high) * 0.5F, static_cast<std::uint32_t>(i)});
  }
  if (items.empty()) return tree;
  tree.nodes.reserve(2 * items.size());
  Builder(tree).add(items);
  return tree;
}

}  // namespace sovren::trace
