// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <tuple>
#include <utility>

#include "scheduler/policy/gate.h"
#include "scheduler/policy/index.h"
#include "scheduler/policy/pool.h"
#include "scheduler/policy/pool_demand.h"

namespace sovren::policy {
namespace {

constexpr double last_use_s = 60;   ///< an allocation with less left is given back
constexpr double look_again_s = 5;  ///< at what jobs report, which is no event

/// One allocation and its node.
struct Member {
  const Allocation* allocation;
  const Node* node = nullptr;  ///< null: no agent is there now
  bool is_used = false;
  bool is_released = false;  ///< or about to be, by this plan
};

struct PoolState {
  const Pool* pool = nullptr;
  std::vector<Member> members;
  PoolWish wish;

  int all() const { return static_cast<int>(members.size()); }
  int staying() const {
    return static_cast<int>(std::count_if(members.begin(), members.end(),
                                          [](const Member& one) { return !one.is_released; }));
  }
};

class PoolPass {
 public:
  PoolPass(const State& state, const Index& index, const PoolMemory& memory,
           const ReportedMetrics& reported, Instant now, const PolicyConfig& config)
      : state_(state), index_(index), reported_(reported), now_(now), config_(config) {
    plan_.memory = memory;
    plan_.memory.unused_since.clear();
    plan_.memory.absent_since.clear();
    before_ = &memory;
  }

  PoolPlan run() {
    gather();
    settle_nodes();
    for (PoolState& pool : pools_) release_lost(pool);
    find_demand();
    for (PoolState& pool : pools_) {
      release_unused(pool);
      grow(pool);
    }
    release_strays();
    for (const auto& [pool, note] : state_.pool_notes)
      if (find(pool) == nullptr) plan_.actions.emplace_back(NotePool{pool, ""});
    return std::move(plan_);
  }

 private:
  PoolState* find(const std::string& name) {
    for (PoolState& pool : pools_)
      if (pool.pool->name == name) return &pool;
    return nullptr;
  }

  void wake_by(Instant at) {
    if (!plan_.wake_at || at < *plan_.wake_at) plan_.wake_at = at;
  }

  void gather() {
    std::map<AllocationId, const Node*> nodes;
    for (const auto& [name, node] : state_.nodes)
      if (const Allocation* allocation = allocation_of(state_, node.resources);
          allocation != nullptr && node.is_up)
        nodes[allocation->id] = &node;
    for (const Pool& pool : config_.site.pools) pools_.push_back({.pool = &pool});
    for (const auto& [id, allocation] : state_.allocations) {
      const auto node = nodes.find(id);
      const Member member{.allocation = &allocation,
                          .node = node == nodes.end() ? nullptr : node->second,
                          .is_released = allocation.is_released};
      if (PoolState* pool = find(allocation.pool))
        pool->members.push_back(member);
      else
        strays_.push_back(member);
    }
  }

  // Of allocations that are released, or have ended.
  void settle_nodes() {
    for (const auto& [name, node] : state_.nodes) {
      const auto& labels = node.resources.labels;
      const auto pool = labels.find(std::string(pool_label));
      if (pool == labels.end() || !labels.contains(std::string(allocation_label))) continue;
      const Allocation* allocation = allocation_of(state_, node.resources);
      if (allocation == nullptr && find(pool->second) == nullptr) continue;
      if (allocation == nullptr && !node.is_up && node.attempts == 0)
        plan_.actions.emplace_back(ForgetNode{name});
      else if (node.is_up && !node.is_drained() &&
               (allocation == nullptr || allocation->is_released))
        plan_.actions.emplace_back(DrainPoolNode{
            name, allocation == nullptr ? "its allocation has ended" : allocation->why});
    }
  }

  void find_demand() {
    std::vector<PoolRoom> rooms;
    for (const PoolState& pool : pools_) {
      PoolRoom room{.pool = pool.pool, .more = std::max(0, pool.pool->max_nodes - pool.all())};
      for (const Member& member : pool.members)
        if (member.node == nullptr && !member.is_released)
          room.coming.push_back(member.allocation->id);
      rooms.push_back(std::move(room));
    }
    // Time alone lets some in, or closes nodes to some.
    if (const auto begin = index_.next_begin(); begin && !pools_.empty()) wake_by(*begin);
    const Windows windows(index_.view(), config_, now_);
    if (windows.next_change() && index_.view().waiting_count() > 0) wake_by(*windows.next_change());
    PoolDemand demand = pool_demand(index_.view(), rooms, config_, now_);
    for (std::size_t i = 0; i < pools_.size(); ++i) {
      pools_[i].wish = demand.wishes[i];
      for (Member& member : pools_[i].members)
        member.is_used = member.node != nullptr ? member.node->attempts > 0 ||
                                                      demand.nodes_used.contains(member.node->name)
                                                : demand.used.contains(member.allocation->id);
    }
  }

  Instant since(const std::map<AllocationId, Instant>& before, AllocationId id) const {
    const auto found = before.find(id);
    return found == before.end() ? now_ : std::min(found->second, now_);
  }

  void let_go(Member& member, std::string why) {
    member.is_released = true;
    plan_.actions.emplace_back(ReleaseAllocation{member.allocation->id, std::move(why)});
  }

  // Without an agent, or about to end.
  void release_lost(PoolState& pool) {
    for (Member& member : pool.members) {
      if (member.is_released) continue;
      const Allocation& allocation = *member.allocation;
      if (member.node == nullptr && allocation.is_started && !is_awaited(pool, member)) continue;
      if (allocation.ends_at.ms == 0) continue;
      const double last_s = std::min(last_use_s, 0.1 * allocation.time_limit_s);
      const Instant leave_at = allocation.ends_at + -(end_margin_s(allocation) + last_s);
      if (leave_at <= now_)
        let_go(member, "its allocation ends at " + format_utc(allocation.ends_at));
      else
        wake_by(leave_at);
    }
  }

  // False: its agent should have joined by now.
  bool is_awaited(const PoolState& pool, Member& member) {
    const AllocationId id = member.allocation->id;
    const Instant absent_since = since(before_->absent_since, id);
    plan_.memory.absent_since[id] = absent_since;
    if (now_ - absent_since < join_patience_s) {
      wake_by(absent_since + join_patience_s);
      return true;
    }
    const std::string why =
        "no agent has joined from it within " + format_duration(join_patience_s);
    let_go(member, why);
    plan_.memory.note_trouble(pool.pool->name, why, now_);
    return false;
  }

  // The longest unused first, of those down to min_nodes.
  void release_unused(PoolState& pool) {
    std::vector<std::pair<Instant, Member*>> unused;
    for (Member& member : pool.members) {
      if (member.is_released || member.is_used) continue;
      const AllocationId id = member.allocation->id;
      const Instant unused_since = since(before_->unused_since, id);
      plan_.memory.unused_since[id] = unused_since;
      unused.emplace_back(unused_since, &member);
    }
    std::sort(unused.begin(), unused.end(), [](const auto& a, const auto& b) {
      return std::tuple(a.first, a.second->allocation->id) <
             std::tuple(b.first, b.second->allocation->id);
    });
    for (const auto& [unused_since, member] : unused) {
      if (pool.staying() <= pool.pool->min_nodes) return;
      const Instant at = unused_since + pool.pool->idle_timeout_s;
      if (at > now_) return wake_by(at);
      let_go(*member, "unused for " + format_duration(pool.pool->idle_timeout_s));
    }
  }

  double load_of(const PoolState& pool) const {
    double used = 0, cpus = 0;
    for (const Member& member : pool.members) {
      if (member.is_released) continue;
      cpus += member.node != nullptr ? member.node->resources.cpus : pool.pool->cpus;
      used += member.node != nullptr ? member.node->cpus_used : 0;
    }
    return cpus > 0 ? used / cpus : 0;
  }

  double reported_by_jobs(const PoolState& pool) const {
    double most = 0;
    for (const auto& [id, running] : index_.view().running()) {
      const Shape& shape = index_.view().shape_of(running.ask);
      if (!serves(*pool.pool, config_.site, shape.partition, shape.labels)) continue;
      const auto* metrics = reported_(id);
      if (metrics == nullptr) continue;
      for (const auto& [name, value] : *metrics)
        if (is_metric(name, pool.pool->scale_on.metric)) most = std::max(most, value);
    }
    return most;
  }

  bool is_above(const PoolState& pool, double& value) {
    const auto& [metric, above] = pool.pool->scale_on;
    if (metric == "queue_seconds") {
      value = pool.wish.oldest ? std::max(0.0, now_ - *pool.wish.oldest) : 0;
      if (pool.wish.nodes > 0 && value <= above) wake_by(*pool.wish.oldest + (above + 0.002));
    } else if (metric == "pending") {
      value = static_cast<double>(pool.wish.pending);
    } else {
      value = metric == "load" ? load_of(pool) : reported_by_jobs(pool);
      if (pool.wish.nodes > 0 && pool.staying() == 0) return true;
      if (pool.wish.nodes > 0 && value <= above) wake_by(now_ + look_again_s);
    }
    return value > above;
  }

  void grow(PoolState& pool) {
    const Pool& its = *pool.pool;
    PoolFigures figures{.pool = its.name, .wanted = pool.wish.nodes};
    for (const Member& member : pool.members) {
      const bool is_queued = !member.allocation->is_started;
      if (is_queued) ++figures.queued;
      if (member.is_released)
        ++figures.leaving;
      else if (member.node != nullptr)
        ++figures.nodes;
      else
        ++figures.coming;
    }
    figures.is_above = is_above(pool, figures.value);
    const int missing = std::max(0, its.min_nodes - pool.staying());
    const int need = std::max(missing, figures.is_above ? pool.wish.nodes : 0);
    const int room = std::max(0, its.max_nodes - pool.all());
    const int slots = std::max(0, its.pending_max - figures.queued);
    int asks = std::min({need, room, slots});
    std::string trouble = need > 0 ? trouble_of(its) : "";
    if (const std::string silence = silence_of(its);
        need > 0 || figures.coming > 0 || figures.leaving > 0)
      trouble = silence.empty() ? trouble : silence;
    if (!trouble.empty()) asks = 0;
    if (asks > 0)
      plan_.actions.emplace_back(AskNodes{its.name, asks,
                                          asks <= missing
                                              ? "min_nodes = " + std::to_string(its.min_nodes)
                                              : scale_on_text(its.scale_on) + ", and jobs wait"});
    figures.note = note_of(pool, figures, trouble, {need, room, slots});
    note(figures);
    plan_.pools.push_back(std::move(figures));
  }

  std::string silence_of(const Pool& pool) const {
    const auto silent = plan_.memory.silent.find(pool.via);
    if (silent == plan_.memory.silent.end()) return "";
    return "the site does not answer: " + silent->second;
  }

  // Why the site is asked for nothing until later; empty: it may be.
  std::string trouble_of(const Pool& pool) {
    const auto trouble = plan_.memory.troubles.find(pool.name);
    if (trouble == plan_.memory.troubles.end()) return "";
    const Instant until = trouble->second.last + pool_backoff_s(trouble->second.in_a_row);
    if (until <= now_) return "";
    wake_by(until);
    return trouble->second.why + "; asks again at " + format_utc(until);
  }

  struct Bounds {
    int need, room, slots;
  };
  static std::string note_of(const PoolState& pool, const PoolFigures& figures,
                             const std::string& trouble, Bounds bounds) {
    const Pool& its = *pool.pool;
    if (!trouble.empty()) return trouble;
    if (pool.wish.nodes > 0 && !figures.is_above) return "waits for " + scale_on_text(its.scale_on);
    if (bounds.need > std::min(bounds.room, bounds.slots) && bounds.slots < bounds.room)
      return "pending_max = " + std::to_string(its.pending_max) +
             ": so many allocations wait at the site";
    if (pool.wish.is_short || bounds.need > bounds.room)
      return "max_nodes = " + std::to_string(its.max_nodes) + ": it has no more";
    const auto job = [](JobId id) { return "job " + std::to_string(id.value); };
    if (pool.wish.too_large)
      return job(*pool.wish.too_large) +
             " asks for more than its nodes have: " + std::to_string(its.cpus) + " cores, " +
             std::to_string(its.gpus) + " GPUs, max_nodes = " + std::to_string(its.max_nodes);
    if (pool.wish.too_long)
      return job(*pool.wish.too_long) + " cannot checkpoint, and may run longer than " +
             format_duration(span_s(its));
    return "";
  }

  void note(const PoolFigures& figures) {
    const auto known = state_.pool_notes.find(figures.pool);
    if ((known == state_.pool_notes.end() ? std::string() : known->second) != figures.note)
      plan_.actions.emplace_back(NotePool{figures.pool, figures.note});
  }

  // Their pool is not in the site file any more.
  void release_strays() {
    for (Member& member : strays_)
      if (!member.is_released)
        let_go(member, "there is no pool " + member.allocation->pool + " any more");
  }

  const State& state_;
  const Index& index_;
  const PoolMemory* before_ = nullptr;
  const ReportedMetrics& reported_;
  const Instant now_;
  const PolicyConfig& config_;
  std::vector<PoolState> pools_;
  std::vector<Member> strays_;
  PoolPlan plan_;
};

}  // namespace

PoolPlan plan_pools(const State& state, const Index& index, const PoolMemory& memory,
                    const ReportedMetrics& reported, Instant now, const PolicyConfig& config) {
  return PoolPass(state, index, memory, reported, now, config).run();
}

}  // namespace sovren::policy
