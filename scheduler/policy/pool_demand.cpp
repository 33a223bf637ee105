// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/pool_demand.h"

#include <algorithm>
#include <cstddef>

#include "scheduler/policy/pool.h"

namespace sovren::policy {
namespace {

class DemandPass {
 public:
  DemandPass(const View& view, const std::vector<PoolRoom>& pools, const PolicyConfig& config,
             Instant now)
      : view_(view), pools_(pools), gate_(view, config, now), rooms_(view.rooms()) {
    demand_.wishes.resize(pools.size());
    for (std::size_t i = 0; i < pools.size(); ++i)
      for (const AllocationId allocation : pools[i].coming) add_node(i, allocation);
  }

  PoolDemand run() {
    std::vector<const Group*> groups;
    for (const auto& [ask, group] : view_.groups()) groups.push_back(&group);
    std::sort(groups.begin(), groups.end(),
              [](const Group* a, const Group* b) { return a->first() < b->first(); });
    for (const Group* group : groups) look_at(*group);
    for (const NewNode& node : nodes_)
      if (node.is_used && node.allocation.value != 0)
        demand_.used.insert(node.allocation);
      else if (node.is_used)
        ++demand_.wishes[node.pool].nodes;
    return std::move(demand_);
  }

 private:
  /// Stands behind the View's nodes. allocation: none of one that may be asked for.
  struct NewNode {
    std::size_t pool;
    AllocationId allocation;
    bool is_used = false;
  };

  void add_node(std::size_t pool, AllocationId allocation) {
    const Pool& p = *pools_[pool].pool;
    nodes_.push_back({pool, allocation});
    rooms_.push_back(idle_room(p.cpus, p.gpus, p.memory_bytes));
  }

  void look_at(const Group& group) {
    if (gate_.bar(group.ask)) return;
    const Shape& shape = view_.shape_of(group.ask);
    const std::vector<std::size_t> serving = serving_pools(group, shape);
    for (const std::size_t pool : serving) note_waiting(demand_.wishes[pool], group);
    for (const Place& place : group.waiting) {
      if (placed_ >= placements_max || gate_.bar(group.ask)) return;
      Resources cut;
      const Resources& wanted = gate_.wanted(group.ask, cut);
      auto placement = find(group.ask, wanted, serving);
      for (std::size_t i = 0; !placement && i < serving.size(); ++i)
        placement = grow(serving[i], group.ask, wanted, serving);
      if (!placement) return note_short(serving, shape, place.job);
      hold(*placement, shape.resources);
      gate_.started(group.ask, placement->ranks);
      ++placed_;
    }
  }

  std::vector<std::size_t> serving_pools(const Group& group, const Shape& shape) {
    std::vector<std::size_t> serving;
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      const Pool& pool = *pools_[i].pool;
      if (!serves(pool, view_.site(), shape.partition, shape.labels)) continue;
      std::optional<JobId>& too_long = demand_.wishes[i].too_long;
      if (!outlasts(group.ask, pool))
        serving.push_back(i);
      else if (!too_long)
        too_long = group.first().job;
    }
    return serving;
  }

  static void note_waiting(PoolWish& wish, const Group& group) {
    wish.pending += static_cast<std::int64_t>(group.waiting.size());
    wish.oldest = std::min(wish.oldest.value_or(group.first().submitted), group.first().submitted);
  }

  std::optional<Placement> find(const Ask& ask, const Resources& wanted,
                                const std::vector<std::size_t>& serving) {
    const auto open = gate_.nodes(ask, kept_);
    std::vector<int> allowed(open.begin(), open.end());
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (std::find(serving.begin(), serving.end(), nodes_[i].pool) != serving.end())
        allowed.push_back(static_cast<int>(view_.nodes().size() + i));
    return place(wanted, Growth::up_to_ranks, rooms_, allowed);
  }

  // As few new nodes as do.
  std::optional<Placement> grow(std::size_t pool, const Ask& ask, const Resources& wanted,
                                const std::vector<std::size_t>& serving) {
    if (!could_hold(*pools_[pool].pool, wanted)) return std::nullopt;
    const auto has = std::count_if(nodes_.begin(), nodes_.end(), [&](const NewNode& node) {
      return node.pool == pool && node.allocation.value == 0;
    });
    const std::size_t before = nodes_.size();
    const int most = std::min(pools_[pool].more - static_cast<int>(has), std::max(1, wanted.nodes));
    for (int more = 0; more < most; ++more) {
      add_node(pool, {});
      if (auto placement = find(ask, wanted, serving)) return placement;
    }
    nodes_.resize(before);
    rooms_.resize(view_.nodes().size() + before);
    return std::nullopt;
  }

  void note_short(const std::vector<std::size_t>& serving, const Shape& shape, JobId job) {
    for (const std::size_t i : serving) {
      PoolWish& wish = demand_.wishes[i];
      if (could_hold(*pools_[i].pool, shape.resources))
        wish.is_short = true;
      else if (shape.partition == pools_[i].pool->name && !wish.too_large)
        wish.too_large = job;
    }
  }

  void hold(const Placement& placement, const Resources& resources) {
    for (const Share& share : placement.shares) {
      take(rooms_[static_cast<std::size_t>(share.node)], resources, share.ranks);
      const std::size_t node = static_cast<std::size_t>(share.node);
      if (node < view_.nodes().size())
        demand_.nodes_used.insert(view_.nodes()[node].name);
      else
        nodes_[node - view_.nodes().size()].is_used = true;
    }
  }

  const View& view_;
  const std::vector<PoolRoom>& pools_;
  Gate gate_;
  std::vector<Room> rooms_;
  std::vector<NewNode> nodes_;
  std::vector<int> kept_;
  PoolDemand demand_;
  int placed_ = 0;
};

}  // namespace

PoolDemand pool_demand(const View& view, const std::vector<PoolRoom>& pools,
                       const PolicyConfig& config, Instant now) {
  return DemandPass(view, pools, config, now).run();
}

}  // namespace sovren::policy
