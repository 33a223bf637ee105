// SPDX-License-Identifier: Apache-2.0
// Pools: what is asked of a site, and what has become of it.
#include <algorithm>
#include <utility>

#include "scheduler/engine/engine.h"
#include "scheduler/engine/overload.h"

namespace sovren::engine {
namespace {

constexpr double plan_every_s = 0.2;  ///< at most: a plan looks at all that waits

}  // namespace

// Looked at again after each change, but not at each of a thousand in a second.
void Engine::note_pools_changed() {
  if (config_.pools == nullptr) return;
  const Instant at = pools_planned_at_ + plan_every_s;
  pools_due_ = std::min(pools_due_.value_or(at), at);
}

void Engine::note_allocation_changed(AllocationId id) {
  const std::string label = std::to_string(id.value);
  for (const auto& [name, node] : state_.nodes) {
    const auto found = node.resources.labels.find(std::string(allocation_label));
    if (found != node.resources.labels.end() && found->second == label) changed_nodes_.insert(name);
  }
}

// A node is welcome for as long as its allocation lives.
Result<void> Engine::check_allocation(const NodeResources& resources) const {
  const auto pool = resources.labels.find(std::string(pool_label));
  const auto label = resources.labels.find(std::string(allocation_label));
  if (pool == resources.labels.end() || label == resources.labels.end()) return {};
  const auto& pools = config_.policy.site.pools;
  const bool is_of_ours = std::any_of(pools.begin(), pools.end(),
                                      [&](const Pool& one) { return one.name == pool->second; });
  if (!is_of_ours || policy::allocation_of(state_, resources) != nullptr) return {};
  return fail({.code = Code::refused,
               .what = "allocation " + label->second + " of pool " + pool->second +
                       " has ended: its agent is not needed any more"});
}

const Node* Engine::node_of(AllocationId id) const {
  for (const auto& [name, node] : state_.nodes)
    if (const Allocation* its = policy::allocation_of(state_, node.resources);
        its != nullptr && its->id == id)
      return &node;
  return nullptr;
}

void Engine::take_pool_news() {
  if (config_.pools == nullptr) return;
  for (PoolNews& news : config_.pools->poll()) {
    if (const auto found = state_.allocations.find(news.allocation);
        found != state_.allocations.end())
      note_trouble(news, found->second);
    pool_inbox_.push_back(std::move(news));
  }
  const std::string silence = config_.pools->silence();
  std::string& known = pool_memory_.silent["slurm"];
  if (silence != known) note_pools_changed();
  known = silence;
  if (silence.empty()) pool_memory_.silent.erase("slurm");
}

// Refused, or gone before its agent was of any use.
void Engine::note_trouble(const PoolNews& news, const Allocation& allocation) {
  if (const auto* refused = std::get_if<WishRefused>(&news.what))
    pool_memory_.note_trouble(allocation.pool, "refused by the site: " + refused->why, now_);
  const auto* ended = std::get_if<WishEnded>(&news.what);
  if (ended != nullptr && !allocation.is_released && node_of(allocation.id) == nullptr)
    pool_memory_.note_trouble(allocation.pool,
                              "an allocation ended before its agent joined: " + ended->why, now_);
}

void Engine::record(const PoolNews& news) {
  const auto found = state_.allocations.find(news.allocation);
  if (found == state_.allocations.end()) return;
  const Allocation& allocation = found->second;
  const AllocationId id = news.allocation;
  std::visit(Overload{[&](const WishQueued& e) {
                        if (allocation.site_job != e.site_job)
                          add(AllocationQueued{id, e.site_job});
                      },
                      [&](const WishStarted& e) {
                        if (!allocation.is_started)
                          add(AllocationStarted{id, e.left_s > 0 ? now_ + e.left_s : Instant{}});
                      },
                      [&](const WishRefused& e) {
                        add(AllocationEnded{id, e.why});
                      },
                      [&](const WishEnded& e) {
                        add(AllocationEnded{id, e.why});
                      }},
             news.what);
}

policy::PoolPlan Engine::plan_pools() const {
  return policy::plan_pools(
      state_, index_, pool_memory_,
      [this](JobId id) -> const std::map<std::string, double>* {
        const auto live = live_.find(id);
        const bool is_told = live != live_.end() && live->second.progress;
        return is_told ? &live->second.progress->metrics : nullptr;
      },
      now_, config_.policy);
}

// True: what it did may change what decide() decides.
bool Engine::decide_pools() {
  if (config_.pools == nullptr) return false;
  if (!draft_.is_empty()) note_pools_changed();
  if (!pools_due_ || *pools_due_ > now_) return false;
  policy::PoolPlan plan = plan_pools();
  pools_planned_at_ = now_;
  pools_due_ = plan.wake_at;
  pool_memory_ = std::move(plan.memory);
  for (const policy::PoolAction& action : plan.actions) act(action);
  refresh_index();
  return !plan.actions.empty();
}

void Engine::act(const policy::PoolAction& action) {
  std::visit(
      Overload{
          [&](const policy::AskNodes& ask) {
            for (const Pool& pool : config_.policy.site.pools)
              for (int i = 0; pool.name == ask.pool && i < ask.nodes; ++i)
                add(AllocationAsked{{state_.last_allocation + 1}, ask.pool, pool.time_limit_s});
          },
          [&](const policy::ReleaseAllocation& release) {
            const Node* node = node_of(release.allocation);
            add(AllocationReleased{release.allocation, release.why});
            if (node != nullptr && node->is_up && !node->is_drained())
              add(NodeDrained{node->name, release.why, std::string(by_pool)});
          },
          [&](const policy::DrainPoolNode& drain) {
            add(NodeDrained{drain.node, drain.why, std::string(by_pool)});
          },
          [&](const policy::ForgetNode& forget) { add(NodeForgotten{forget.node}); },
          [&](const policy::NotePool& note) {
            add(PoolNoted{note.pool, note.note});
          }},
      action);
}

// What is durable and not wished for yet in this run: after a restart, all.
void Engine::tell_pools() {
  if (config_.pools == nullptr) return;
  std::erase_if(wished_,
                [&](const auto& wish) { return !state_.allocations.contains(wish.first); });
  for (const auto& [id, allocation] : state_.allocations) {
    const auto [wish, is_new] = wished_.try_emplace(id, Wish::asked);
    if (is_new) {
      NodeWish node{.allocation = id,
                    .pool = {.name = allocation.pool},
                    .site_job = allocation.site_job,
                    .may_be_there = id.value <= replayed_allocations_};
      for (const Pool& pool : config_.policy.site.pools)
        if (pool.name == allocation.pool) node.pool = pool;
      config_.pools->ask(node);
    }
    if (!allocation.is_released || wish->second == Wish::given_back) continue;
    const Node* node = node_of(id);
    if (node != nullptr && node->is_up && node->attempts > 0) continue;
    config_.pools->give_back(id);
    wish->second = Wish::given_back;
  }
}

}  // namespace sovren::engine
