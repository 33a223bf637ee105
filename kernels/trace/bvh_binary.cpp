// SPDX-License-Identifier: Apache-2.0
#include "kernels/trace/bvh_binary.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include "kernels/trace/flush_denormals.h"

namespace sovren::trace {
namespace {

constexpr std::uint32_t bins_max = 32;
constexpr std::uint32_t sorted_max = 6;      // so few are sorted instead of put into bins
constexpr std::uint32_t part_max = 1 << 15;  // items of a range that one thread does alone
constexpr std::uint32_t chunk_size = 1 << 13;
// Below this depth, halves: with 2^28 items the rest is no deeper than 28.
constexpr int depth_of_halves = bvh_depth_max - 30;

using Items = std::span<BvhItem>;

/// Twice the middle of the item's box.
F4 middle(const BvhItem& item) {
  return item.low4() + item.high4();
}

/// What is known of a range of items.
struct Extent {
  Box4 box = Box4::nothing(), middles = Box4::nothing();
  void grow(const BvhItem& item) {
    const F4 low = item.low4(), high = item.high4();
    box.low = min(box.low, low);
    box.high = max(box.high, high);
    middles.grow(low + high);
  }
  void grow(const Extent& other) {
    box.grow(other.box);
    middles.grow(other.middles);
  }
};

/// Which bin of each axis an item falls into.
struct Grid {
  F4 low, scale;
  std::uint32_t bins;

  Grid(const Box4& middles, std::uint32_t count) : low(middles.low), bins(count) {
    const F4 extent = middles.high - middles.low;
    for (int axis = 0; axis < 3; ++axis)
      scale[axis] =
          extent[axis] > 1e-30F ? static_cast<float>(count) * 0.999999F / extent[axis] : 0;
    scale[3] = 0;
  }
  typedef int I4 __attribute__((vector_size(16)));
  I4 bins_of(const BvhItem& item) const {
    // Not a number (from a box that reaches to infinity) becomes the last bin.
    const F4 place = min((middle(item) - low) * scale, all4(static_cast<float>(bins - 1)));
    return __builtin_convertvector(max(place, all4(0)), I4);
  }
};

/// Where to cut: bins below `bin` of the axis go left.
struct Cut {
  float cost = std::numeric_limits<float>::infinity();
  int axis = 0;
  int bin = 0;  ///< or, of sorted items, how many go left
};

struct Bins {
  Box4 box[3][bins_max];
  std::uint32_t count[3][bins_max];

  void clear(std::uint32_t bins) {
    for (int axis = 0; axis < 3; ++axis) {
      std::fill_n(box[axis], bins, Box4::nothing());
      std::fill_n(count[axis], bins, 0U);
    }
  }
  void put(Items items, const Grid& grid) {
    for (const BvhItem& item : items) {
      const Grid::I4 bin = grid.bins_of(item);
      const Box4 own{item.low4(), item.high4()};
      for (int axis = 0; axis < 3; ++axis) {
        box[axis][bin[axis]].grow(own);
        ++count[axis][bin[axis]];
      }
    }
  }
  void add(const Bins& other, std::uint32_t bins) {
    for (int axis = 0; axis < 3; ++axis) {
      for (std::uint32_t i = 0; i < bins; ++i) {
        box[axis][i].grow(other.box[axis][i]);
        count[axis][i] += other.count[axis][i];
      }
    }
  }
  Cut best(const Grid& grid) const {
    Cut cut;
    for (int axis = 0; axis < 3; ++axis)
      if (grid.scale[axis] > 0) try_axis(axis, static_cast<int>(grid.bins), cut);
    return cut;
  }

 private:
  void try_axis(int axis, int bins, Cut& cut) const {
    float right_cost[bins_max];
    Box4 side = Box4::nothing();
    std::uint32_t items = 0;
    for (int i = bins - 1; i > 0; --i) {
      side.grow(box[axis][i]);
      items += count[axis][i];
      right_cost[i] = side.half_area() * static_cast<float>(items);
    }
    side = Box4::nothing();
    items = 0;
    for (int i = 1; i < bins; ++i) {
      side.grow(box[axis][i - 1]);
      items += count[axis][i - 1];
      const float cost = side.half_area() * static_cast<float>(items) + right_cost[i];
      // An empty side costs less than nothing.
      if (items > 0 && right_cost[i] >= 0 && cost < cut.cost) cut = {cost, axis, i};
    }
  }
};

struct Halves {
  std::uint32_t left_count = 0;
  Extent side[2];
};

Halves halves_in_the_middle(Items items) {
  Halves halves;
  halves.left_count = static_cast<std::uint32_t>(items.size() / 2);
  for (std::size_t i = 0; i < items.size(); ++i)
    halves.side[i < halves.left_count ? 0 : 1].grow(items[i]);
  return halves;
}

Halves partition(Items items, const Grid& grid, const Cut& cut) {
  Halves halves;
  std::size_t left = 0, right = items.size();
  const auto goes_left = [&](const BvhItem& item) {
    return grid.bins_of(item)[cut.axis] < cut.bin;
  };
  for (;;) {
    for (; left < right && goes_left(items[left]); ++left) halves.side[0].grow(items[left]);
    for (; left < right && !goes_left(items[right - 1]); --right)
      halves.side[1].grow(items[right - 1]);
    if (left == right) break;
    std::swap(items[left], items[right - 1]);
  }
  halves.left_count = static_cast<std::uint32_t>(left);
  return halves;
}

/// Insertion sort along an axis: of a handful. Ties keep their order.
void sort_along(int axis, Items items) {
  for (std::size_t i = 1; i < items.size(); ++i) {
    const BvhItem moved = items[i];
    const float key = middle(moved)[axis];
    std::size_t to = i;
    for (; to > 0 && middle(items[to - 1])[axis] > key; --to) items[to] = items[to - 1];
    items[to] = moved;
  }
}

/// Every cut of a handful along each axis.
Halves split_few(Items items) {
  if (items.size() == 2) return halves_in_the_middle(items);
  Cut cut;
  for (int axis = 0; axis < 3; ++axis) {
    sort_along(axis, items);
    float right_cost[sorted_max];
    Box4 side = Box4::nothing();
    for (std::size_t i = items.size() - 1; i > 0; --i) {
      side.grow({items[i].low4(), items[i].high4()});
      right_cost[i] = side.half_area() * static_cast<float>(items.size() - i);
    }
    side = Box4::nothing();
    for (std::size_t i = 1; i < items.size(); ++i) {
      side.grow({items[i - 1].low4(), items[i - 1].high4()});
      const float cost = side.half_area() * static_cast<float>(i) + right_cost[i];
      if (cost < cut.cost) cut = {cost, axis, static_cast<int>(i)};
    }
  }
  if (cut.axis != 2) sort_along(cut.axis, items);
  Halves halves;
  halves.left_count = static_cast<std::uint32_t>(std::max(cut.bin, 1));
  for (std::size_t i = 0; i < items.size(); ++i)
    halves.side[i < halves.left_count ? 0 : 1].grow(items[i]);
  return halves;
}

std::uint32_t bins_for(std::size_t count) {
  return count >= 256 ? bins_max : count >= 64 ? 16 : 8;
}

Halves split(Items items, const Extent& extent, int depth, Bins& bins) {
  if (depth >= depth_of_halves) return halves_in_the_middle(items);
  if (items.size() <= sorted_max) return split_few(items);
  const Grid grid(extent.middles, bins_for(items.size()));
  bins.clear(grid.bins);
  bins.put(items, grid);
  const Cut cut = bins.best(grid);
  if (cut.bin == 0) return halves_in_the_middle(items);  // all middles are one
  return partition(items, grid, cut);
}

BinaryNode node_of(const Extent& extent, std::uint32_t begin, std::uint32_t count) {
  BinaryNode node;
  for (int axis = 0; axis < 3; ++axis) {
    node.low[axis] = extent.box.low[axis];
    node.high[axis] = extent.box.high[axis];
  }
  node.begin = begin;
  node.count = count;
  return node;
}

/// Makes the two children of a node, and returns the first one's number.
std::uint32_t add_children(std::vector<BinaryNode>& nodes, std::size_t parent,
                           const Halves& halves) {
  const auto left = static_cast<std::uint32_t>(nodes.size());
  const std::uint32_t begin = nodes[parent].begin, count = nodes[parent].count;
  nodes[parent].left = left;
  nodes.push_back(node_of(halves.side[0], begin, halves.left_count));
  nodes.push_back(node_of(halves.side[1], begin + halves.left_count, count - halves.left_count));
  return left;
}

/// A range that one thread does.
class PartBuilder {
 public:
  PartBuilder(Items items, std::vector<BinaryNode>& nodes) : items_(items), nodes_(nodes) {}

  void build(const BinaryNode& root, const Extent& extent, int depth) {
    nodes_.reserve(2 * std::size_t{root.count} - 1);
    nodes_.push_back(root);
    divide(0, extent, depth);
  }

 private:
  void divide(std::size_t node, const Extent& extent, int depth) {
    const std::uint32_t begin = nodes_[node].begin, count = nodes_[node].count;
    if (count == 1) return;
    const Halves halves = split(items_.subspan(begin, count), extent, depth, bins_);
    const std::uint32_t left = add_children(nodes_, node, halves);
    divide(left, halves.side[0], depth + 1);
    divide(left + 1, halves.side[1], depth + 1);
  }

  Items items_;
  std::vector<BinaryNode>& nodes_;
  Bins bins_;
};

/// Ranges that all threads do together, cut into chunks by their size alone.
class UpperBuilder {
 public:
  UpperBuilder(std::vector<BvhItem>& items, nn::Team& team)
      : items_(items), spare_(items.size() > part_max ? items.size() : 0), team_(team) {}

  BinaryTree build() {
    if (items_.empty()) return {};
    const auto count = static_cast<std::uint32_t>(items_.size());
    const Extent all = extent_of(0, count);
    tree_.upper.push_back(node_of(all, 0, count));
    divide(0, all, 0);
    team_.run(static_cast<std::int64_t>(tree_.parts.size()), [&](std::int64_t number) {
      const FlushDenormals flush;
      BinaryTree::Part& part = tree_.parts[static_cast<std::size_t>(number)];
      const Start& start = starts_[static_cast<std::size_t>(number)];
      PartBuilder(items_, part.nodes)
          .build(tree_.upper[part.upper_node], start.extent, start.depth);
    });
    return std::move(tree_);
  }

 private:
  struct Start {
    Extent extent;
    int depth;
  };

  /// chunk(first, end, number) for each chunk of a range.
  template <class Chunk>
  void by_chunks(std::uint32_t begin, std::uint32_t count, const Chunk& chunk) {
    team_.run((count + chunk_size - 1) / chunk_size, [&](std::int64_t number) {
      const FlushDenormals flush;
      const std::uint32_t first = begin + static_cast<std::uint32_t>(number) * chunk_size;
      chunk(first, std::min(first + chunk_size, begin + count), static_cast<std::size_t>(number));
    });
  }
  static std::size_t chunks(std::uint32_t count) { return (count + chunk_size - 1) / chunk_size; }
  Items range(std::uint32_t first, std::uint32_t end) {
    return Items(items_).subspan(first, end - first);
  }

  Extent extent_of(std::uint32_t begin, std::uint32_t count) {
    std::vector<Extent> extents(chunks(count));
    by_chunks(begin, count, [&](std::uint32_t first, std::uint32_t end, std::size_t number) {
      for (const BvhItem& item : range(first, end)) extents[number].grow(item);
    });
    Extent all;
    for (const Extent& one : extents) all.grow(one);
    return all;
  }

  Bins bins_of(std::uint32_t begin, std::uint32_t count, const Grid& grid) {
    std::vector<Bins> bins(chunks(count));
    by_chunks(begin, count, [&](std::uint32_t first, std::uint32_t end, std::size_t number) {
      bins[number].clear(grid.bins);
      bins[number].put(range(first, end), grid);
    });
    for (std::size_t i = 1; i < bins.size(); ++i) bins[0].add(bins[i], grid.bins);
    return bins[0];
  }

  /// As partition(), but items keep their order.
  Halves partition_by_chunks(std::uint32_t begin, std::uint32_t count, const Grid& grid,
                             const Cut& cut) {
    std::vector<Halves> of_chunk(chunks(count));
    const auto goes_left = [&](const BvhItem& item) {
      return grid.bins_of(item)[cut.axis] < cut.bin;
    };
    by_chunks(begin, count, [&](std::uint32_t first, std::uint32_t end, std::size_t number) {
      for (const BvhItem& item : range(first, end)) {
        const bool is_left = goes_left(item);
        of_chunk[number].left_count += is_left ? 1 : 0;
        of_chunk[number].side[is_left ? 0 : 1].grow(item);
      }
    });
    Halves all;
    std::vector<std::uint32_t> lefts_before(of_chunk.size());
    for (std::size_t i = 0; i < of_chunk.size(); ++i) {
      lefts_before[i] = all.left_count;
      all.left_count += of_chunk[i].left_count;
      for (int side = 0; side < 2; ++side) all.side[side].grow(of_chunk[i].side[side]);
    }
    by_chunks(begin, count, [&](std::uint32_t first, std::uint32_t end, std::size_t number) {
      std::uint32_t left = begin + lefts_before[number];
      std::uint32_t right = all.left_count + first - lefts_before[number];
      for (const BvhItem& item : range(first, end))
        spare_[goes_left(item) ? left++ : right++] = item;
    });
    by_chunks(begin, count, [&](std::uint32_t first, std::uint32_t end, std::size_t) {
      std::copy(spare_.begin() + first, spare_.begin() + end, items_.begin() + first);
    });
    return all;
  }

  Halves split_together(std::uint32_t begin, std::uint32_t count, const Extent& extent, int depth) {
    const Grid grid(extent.middles, bins_max);
    const Cut cut = depth < depth_of_halves ? bins_of(begin, count, grid).best(grid) : Cut{};
    if (cut.bin == 0) return halves_in_the_middle(range(begin, begin + count));
    return partition_by_chunks(begin, count, grid, cut);
  }

  void divide(std::uint32_t node, const Extent& extent, int depth) {
    const std::uint32_t begin = tree_.upper[node].begin, count = tree_.upper[node].count;
    if (count <= part_max) {
      tree_.parts.push_back({node, {}});
      starts_.push_back({extent, depth});
      return;
    }
    const Halves halves = split_together(begin, count, extent, depth);
    const std::uint32_t left = add_children(tree_.upper, node, halves);
    divide(left, halves.side[0], depth + 1);
    divide(left + 1, halves.side[1], depth + 1);
  }

  std::vector<BvhItem>& items_;
  std::vector<BvhItem> spare_;
  nn::Team& team_;
  BinaryTree tree_;
  std::vector<Start> starts_;
};

}  // namespace

BinaryTree build_binary(std::vector<BvhItem>& items, nn::Team& team) {
  const FlushDenormals flush;
  return UpperBuilder(items, team).build();
}

}  // namespace sovren::trace
