// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bvh_collapse.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>

#include "kernels/trace/flush_denormals.h"

namespace sovren::trace {
namespace {

// Ylitie et al., section 3.1: costs[i - 1] is the least cost of a subtree that takes at most i of a
// wide node's places, i = 1 .. 7.
using Costs = std::array<float, bvh_width - 1>;

// BinaryNode::plan. How many of the i places the left child takes, i = 2 .. 8, in three bits each;
// then which of i = 2 .. 7 are better off with one place less; then whether one place is a leaf.
std::uint32_t left_places(std::uint32_t plan, int places) {
  return (plan >> (3 * (places - 2)) & 7) + 1;
}
constexpr int fewer_shift = 21, leaf_shift = 28;
bool uses_fewer(std::uint32_t plan, int places) {
  return (plan >> (fewer_shift + places - 2) & 1) != 0;
}
bool is_leaf(std::uint32_t plan) {
  return (plan >> leaf_shift & 1) != 0;
}

float half_area(const BinaryNode& node) {
  const float x = node.high[0] - node.low[0], y = node.high[1] - node.low[1],
              z = node.high[2] - node.low[2];
  return x * (y + z) + y * z;
}

class Planner {
 public:
  Planner(std::span<const BvhItem> items, const BvhOptions& options)
      : items_(items), options_(options) {}

  Costs plan_leaf(BinaryNode& node) const {
    node.plan = 1U << leaf_shift;
    Costs costs;
    costs.fill(leaf_cost(node));
    return costs;
  }
  Costs plan_inner(BinaryNode& node, const Costs& left, const Costs& right) const {
    std::uint32_t plan = 0;
    std::array<float, bvh_width + 1> shared{};  // by i places, both children given some
    for (int places = 2; places <= bvh_width; ++places) {
      float best = std::numeric_limits<float>::infinity();
      int best_left = 1;
      for (int k = std::max(1, places - 7); k <= std::min(7, places - 1); ++k) {
        const float cost =
            left[static_cast<std::size_t>(k - 1)] + right[static_cast<std::size_t>(places - k - 1)];
        if (cost < best) best = cost, best_left = k;
      }
      shared[static_cast<std::size_t>(places)] = best;
      plan |= static_cast<std::uint32_t>(best_left - 1) << (3 * (places - 2));
    }
    Costs costs{};
    costs[0] = shared[bvh_width] + half_area(node) * options_.node_cost;
    if (may_be_leaf(node) && leaf_cost(node) <= costs[0]) {
      costs[0] = leaf_cost(node);
      plan |= 1U << leaf_shift;
    }
    for (std::size_t places = 2; places < bvh_width; ++places) {
      costs[places - 1] = std::min(shared[places], costs[places - 2]);
      if (costs[places - 2] <= shared[places])
        plan |= 1U << (fewer_shift + static_cast<int>(places) - 2);
    }
    node.plan = plan;
    return costs;
  }

  /// The nodes of one array, children before parents. rooted: what is known of a node without
  /// children here that has some elsewhere.
  template <class Rooted>
  Costs plan(std::vector<BinaryNode>& nodes, const Rooted& rooted) const {
    std::vector<Costs> costs(nodes.size());
    for (std::size_t i = nodes.size(); i-- > 0;) {
      const std::size_t left = nodes[i].left;
      costs[i] = left != 0 ? plan_inner(nodes[i], costs[left], costs[left + 1]) : rooted(nodes, i);
    }
    return costs[0];
  }

 private:
  float leaf_cost(const BinaryNode& node) const {
    return half_area(node) *
           (options_.leaf_cost + options_.triangle_cost * static_cast<float>(node.count));
  }
  bool may_be_leaf(const BinaryNode& node) const {
    if (node.count > static_cast<std::uint32_t>(options_.leaf_max)) return false;
    const std::uint32_t kind = items_[node.begin].kind;
    if (kind == static_cast<std::uint32_t>(BvhChild::Kind::instance)) return false;
    for (std::uint32_t i = 1; i < node.count; ++i)
      if (items_[node.begin + i].kind != kind) return false;
    return true;
  }

  std::span<const BvhItem> items_;
  const BvhOptions& options_;
};

/// A node of the binary tree, in the array that it stands in.
struct Place {
  const BinaryNode* nodes = nullptr;
  std::uint32_t index = 0;
  const BinaryNode& node() const { return nodes[index]; }
};

/// The children of a wide node.
struct Places {
  std::array<Place, bvh_width> all;
  std::size_t count = 0;
};

/// Which child goes into each slot, -1: none. Greedily, the one that gains the most: how far it
/// lies from the others into the slot's corner.
std::array<int, bvh_width> slots_of(const Places& children) {
  std::array<std::array<float, 3>, bvh_width> off{};
  std::array<float, 3> mean{};
  for (std::size_t i = 0; i < children.count; ++i) {
    for (std::size_t axis = 0; axis < 3; ++axis) {
      off[i][axis] = children.all[i].node().low[axis] + children.all[i].node().high[axis];
      mean[axis] += off[i][axis] / static_cast<float>(children.count);
    }
  }
  for (std::size_t i = 0; i < children.count; ++i)
    for (std::size_t axis = 0; axis < 3; ++axis) off[i][axis] -= mean[axis];
  std::array<int, bvh_width> slots;
  slots.fill(-1);
  std::array<bool, bvh_width> is_placed{};
  for (std::size_t round = 0; round < children.count; ++round) {
    float best = -std::numeric_limits<float>::infinity();
    std::size_t best_child = bvh_width, best_slot = 0;
    for (std::size_t i = 0; i < children.count; ++i) {
      if (is_placed[i]) continue;
      for (std::size_t slot = 0; slot < bvh_width; ++slot) {
        if (slots[slot] >= 0) continue;
        const float gain = ((slot & 1) != 0 ? off[i][0] : -off[i][0]) +
                           ((slot & 2) != 0 ? off[i][1] : -off[i][1]) +
                           ((slot & 4) != 0 ? off[i][2] : -off[i][2]);
        // Of gains that are no numbers, the first place is as good as any.
        if (gain > best || best_child == bvh_width) best = gain, best_child = i, best_slot = slot;
      }
    }
    is_placed[best_child] = true;
    slots[best_slot] = static_cast<int>(best_child);
  }
  return slots;
}

/// Wide nodes below one place, into an array of their own: 0 is the place's.
class Emitter {
 public:
  /// Asked before it goes on below a place: true if its nodes are made later, node `number` first.
  using Later = std::function<bool(std::uint32_t number, const Place& place)>;
  Emitter(const BinaryTree& tree, std::span<const std::int64_t> part_of,
          std::span<const BvhItem> items, Later later)
      : tree_(tree), part_of_(part_of), items_(items), later_(std::move(later)) {}

  std::vector<BvhNode> emit(const Place& root) {
    nodes_.emplace_back();
    if (is_leaf(root.node().plan)) {
      Places alone;
      alone.all[alone.count++] = root;
      fill(0, alone);
    } else {
      fill(0, children_of(root));
    }
    return std::move(nodes_);
  }

  /// An upper node whose children are in a part is met as the part's root.
  Place met(const Place& place) const {
    if (place.nodes != tree_.upper.data()) return place;
    const std::int64_t part = part_of_[place.index];
    return part < 0 ? place : Place{tree_.parts[static_cast<std::size_t>(part)].nodes.data(), 0};
  }

 private:
  void gather(const Place& place, int places, Places& to) const {
    const std::uint32_t plan = place.node().plan;
    const bool has_children = place.node().left != 0;
    while (places > 1 && places < bvh_width && has_children && uses_fewer(plan, places)) --places;
    if (places == 1 || !has_children) {
      to.all[to.count++] = place;
      return;
    }
    const auto left = static_cast<int>(left_places(plan, places));
    gather(met({place.nodes, place.node().left}), left, to);
    gather(met({place.nodes, place.node().left + 1}), places - left, to);
  }
  Places children_of(const Place& place) const {
    Places children;
    gather(place, bvh_width, children);
    return children;
  }

  void fill(std::size_t number, const Places& children) {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (int axis = 0; axis < 3; ++axis) {
      std::fill_n(nodes_[number].low[axis], bvh_width, infinity);
      std::fill_n(nodes_[number].high[axis], bvh_width, -infinity);
    }
    auto next = static_cast<std::uint32_t>(nodes_.size());  // inner children stand side by side
    for (std::size_t i = 0; i < children.count; ++i)
      if (!is_leaf(children.all[i].node().plan)) nodes_.emplace_back();
    const std::array<int, bvh_width> slots = slots_of(children);
    for (int slot = 0; slot < bvh_width; ++slot) {
      const int which = slots[static_cast<std::size_t>(slot)];
      if (which < 0) continue;
      const Place& child = children.all[static_cast<std::size_t>(which)];
      const BinaryNode& box = child.node();
      for (int axis = 0; axis < 3; ++axis) {
        nodes_[number].low[axis][slot] = box.low[axis];
        nodes_[number].high[axis][slot] = box.high[axis];
      }
      if (is_leaf(box.plan)) {
        const auto kind = static_cast<BvhChild::Kind>(items_[box.begin].kind);
        nodes_[number].child[slot] = BvhChild::make(kind, box.count, box.begin);
        continue;
      }
      nodes_[number].child[slot] = BvhChild::make(BvhChild::Kind::inner, 1, next);
      if (!later_(next, child)) fill(next, children_of(child));
      ++next;
    }
  }

  const BinaryTree& tree_;
  std::span<const std::int64_t> part_of_;
  std::span<const BvhItem> items_;
  Later later_;
  std::vector<BvhNode> nodes_;
};

/// A place in a part, whose nodes are made apart, and then put behind the others.
struct Job {
  std::uint32_t number;  ///< of its first node, among the upper ones
  Place place;
  std::vector<BvhNode> nodes;
};

/// Puts the jobs' nodes behind the upper ones.
void append(std::vector<Job>& jobs, std::vector<BvhNode>& nodes, nn::Team& team) {
  std::vector<std::size_t> begin(jobs.size());
  std::size_t total = nodes.size();
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    begin[i] = total;
    total += jobs[i].nodes.size() - 1;
  }
  nodes.resize(total);
  team.run(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t which) {
    const auto job = static_cast<std::size_t>(which);
    const auto place_of = [&](std::size_t local) {
      return local == 0 ? std::size_t{jobs[job].number} : begin[job] + local - 1;
    };
    for (std::size_t i = 0; i < jobs[job].nodes.size(); ++i) {
      BvhNode node = jobs[job].nodes[i];
      for (BvhChild& child : node.child)
        if (child.kind() == BvhChild::Kind::inner && child.bits != 0)
          child.bits = static_cast<std::uint32_t>(place_of(child.bits));
      nodes[place_of(i)] = node;
    }
    jobs[job].nodes = {};
  });
}

}  // namespace

std::vector<BvhNode> collapse(BinaryTree tree, std::span<const BvhItem> items,
                              const BvhOptions& options, nn::Team& team) {
  if (tree.upper.empty()) return {};
  const FlushDenormals flush;
  const Planner planner(items, options);
  std::vector<Costs> of_part(tree.parts.size());
  team.run(static_cast<std::int64_t>(tree.parts.size()), [&](std::int64_t number) {
    const FlushDenormals flush_here;
    const auto part = static_cast<std::size_t>(number);
    of_part[part] = planner.plan(
        tree.parts[part].nodes,
        [&](std::vector<BinaryNode>& nodes, std::size_t i) { return planner.plan_leaf(nodes[i]); });
  });
  std::vector<std::int64_t> part_of(tree.upper.size(), -1);
  for (std::size_t i = 0; i < tree.parts.size(); ++i)
    part_of[tree.parts[i].upper_node] = static_cast<std::int64_t>(i);
  planner.plan(tree.upper, [&](std::vector<BinaryNode>&, std::size_t i) {
    return of_part[static_cast<std::size_t>(part_of[i])];
  });

  std::vector<Job> jobs;
  Emitter upper(tree, part_of, items, [&](std::uint32_t number, const Place& place) {
    const bool is_in_part = place.nodes != tree.upper.data();
    if (is_in_part) jobs.push_back({number, place, {}});
    return is_in_part;
  });
  std::vector<BvhNode> nodes = upper.emit(upper.met({tree.upper.data(), 0}));
  team.run(static_cast<std::int64_t>(jobs.size()), [&](std::int64_t number) {
    const FlushDenormals flush_here;
    Job& job = jobs[static_cast<std::size_t>(number)];
    Emitter lower(tree, part_of, items, [](std::uint32_t, const Place&) { return false; });
    job.nodes = lower.emit(job.place);
  });
  append(jobs, nodes, team);
  return nodes;
}

}  // namespace sovren::trace
