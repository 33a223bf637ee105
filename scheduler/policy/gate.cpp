// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/gate.h"

#include <algorithm>
#include <cmath>

namespace sovren::policy {
namespace {

constexpr double gap_s_min = 60;
constexpr double gap_before_end_s = 20;  ///< allocations may be short

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<bool> nodes_of(const Reservation& reservation, const View& view) {
  std::vector<bool> nodes(view.nodes().size(), reservation.nodes.empty());
  for (const std::string& name : reservation.nodes)
    if (const int node = view.node_of(name); node >= 0)
      nodes[static_cast<std::size_t>(node)] = true;
  return nodes;
}

void keep_earlier(std::optional<Instant>& kept, Instant at) {
  if (!kept || at < *kept) kept = at;
}

}  // namespace

std::optional<Window> occurrence(const Reservation& r, Instant now) {
  Instant start = r.start;
  if (r.every_s > 0 && now >= start + r.duration_s) {
    const double periods = std::floor((now - start) / r.every_s);
    start = start + periods * r.every_s;
    if (now >= start + r.duration_s) start = start + r.every_s;
  }
  const Instant end = start + r.duration_s;
  if (now >= end) return std::nullopt;
  return Window{start, end};
}

bool admits(const Reservation& r, const Owner& owner) {
  return holds(r.users, owner.user) || holds(r.accounts, owner.account);
}

Windows::Windows(const View& view, const PolicyConfig& config, Instant now)
    : view_(view), now_(now), is_preempting_(config.preemption.is_on) {
  for (const Reservation& reservation : config.site.reservations) {
    const auto window = occurrence(reservation, now);
    if (!window) continue;
    keep_earlier(next_change_, window->start > now ? window->start : window->end);
    open_.push_back({&reservation, *window, nodes_of(reservation, view)});
  }
}

// A job that checkpoints may fill the gap before a window, if it is long enough to get on.
bool Windows::is_shut(const Ask& ask, Instant start, bool can_leave, double gap_s) const {
  const bool would_run_into = now_ + ask.estimate_s > start;
  const bool fills_gap = can_leave && start - now_ > gap_s + 2 * ask.cost_s;
  return start <= now_ || (would_run_into && !fills_gap);
}

void Windows::keep_open(const Ask& ask, std::vector<int>& nodes) const {
  const Owner& owner = view_.owner_of(ask);
  const bool can_leave = is_preempting_ && ask.can_preempt;
  for (const Open& open : open_) {
    if (admits(*open.reservation, owner) || !is_shut(ask, open.window.start, can_leave, gap_s_min))
      continue;
    std::erase_if(nodes, [&](int node) { return open.nodes[static_cast<std::size_t>(node)]; });
  }
  if (!view_.has_ends()) return;
  std::erase_if(nodes, [&](int node) {
    const Instant ends_at = view_.nodes()[static_cast<std::size_t>(node)].ends_at;
    return ends_at.ms != 0 && is_shut(ask, ends_at, ask.can_preempt, gap_before_end_s);
  });
}

std::optional<Leave> Windows::must_leave(const RunningJob& job) const {
  std::optional<Leave> leave;
  const auto keep = [&](Instant at, std::string_view by) {
    if (!leave || at < leave->at) leave = Leave{at, by};
  };
  for (const Open& open : open_) {
    if (admits(*open.reservation, view_.owner_of(job.ask))) continue;
    const bool is_there = std::any_of(job.shares.begin(), job.shares.end(), [&](Share share) {
      return open.nodes[static_cast<std::size_t>(share.node)];
    });
    if (is_there) keep(open.window.start, by_policy);
  }
  for (const Share& share : job.shares)
    if (const ViewNode& node = view_.nodes()[static_cast<std::size_t>(share.node)];
        node.ends_at.ms != 0)
      keep(node.ends_at, by_pool);
  return leave;
}

Gate::Gate(const View& view, const PolicyConfig& config, Instant now)
    : view_(view), windows_(view, config, now) {}

Gate::Held Gate::held_by(int number) const {
  const Entity& entity = view_.entity(number);
  Held held{entity.running, entity.cpus, entity.gpus};
  if (const auto found = extra_.find(number); found != extra_.end()) {
    held.running += found->second.running;
    held.cpus += found->second.cpus;
    held.gpus += found->second.gpus;
  }
  return held;
}

std::optional<Bar> Gate::bar(const Ask& ask) const {
  if (!view_.is_partition_up(ask))
    return Bar{"PartitionDown", "partition " + view_.owner_of(ask).partition + " is down"};
  if (ask.array.value != 0 && ask.array_max > 0) {
    const auto extra = extra_of_array_.find(ask.array);
    const int running =
        view_.running_of_array(ask.array) + (extra == extra_of_array_.end() ? 0 : extra->second);
    if (running >= ask.array_max)
      return Bar{"JobArrayTaskLimit", std::to_string(running) + " jobs of its array run, at most " +
                                          std::to_string(ask.array_max) + " may"};
  }
  const Resources& r = view_.shape_of(ask).resources;
  const std::int64_t ranks = r.ranks_min.value_or(r.ranks);
  for (const int number : view_.entities_of(ask)) {
    const Entity& entity = view_.entity(number);
    const Held held = held_by(number);
    const auto over = [&](const char* code, const char* noun, std::int64_t has, std::int64_t more,
                          std::int64_t most) {
      return Bar{code, entity.name + " holds " + std::to_string(has) + " of at most " +
                           std::to_string(most) + " " + noun + "; this job asks for " +
                           std::to_string(more)};
    };
    const Limits& limits = entity.limits;
    const std::int64_t cpus = ranks * std::max(1, r.cpus_per_rank);
    const std::int64_t gpus = ranks * r.gpus_per_rank;
    if (limits.running_jobs && held.running + 1 > *limits.running_jobs)
      return over("AssocMaxJobsLimit", "running jobs", held.running, 1, *limits.running_jobs);
    if (limits.cpus && held.cpus + cpus > *limits.cpus)
      return over("AssocGrpCpuLimit", "cores", held.cpus, cpus, *limits.cpus);
    if (limits.gpus && held.gpus + gpus > *limits.gpus)
      return over("AssocGrpGRES", "GPUs", held.gpus, gpus, *limits.gpus);
  }
  return std::nullopt;
}

const Resources& Gate::wanted(const Ask& ask, Resources& kept) const {
  const Resources& r = view_.shape_of(ask).resources;
  if (!r.ranks_min && !r.ranks_max) return r;
  const std::int64_t asked = std::max(r.ranks, r.ranks_max.value_or(r.ranks));
  std::int64_t most = asked;
  for (const int number : view_.entities_of(ask)) {
    const Limits& limits = view_.entity(number).limits;
    const Held held = held_by(number);
    if (limits.cpus)
      most = std::min(most, (*limits.cpus - held.cpus) / std::max(1, r.cpus_per_rank));
    if (limits.gpus && r.gpus_per_rank > 0)
      most = std::min(most, (*limits.gpus - held.gpus) / r.gpus_per_rank);
  }
  if (most >= asked) return r;
  kept = r;
  kept.ranks = static_cast<int>(std::min<std::int64_t>(r.ranks, most));
  if (kept.ranks_max) kept.ranks_max = static_cast<int>(most);
  return kept;
}

std::span<const int> Gate::nodes(const Ask& ask, std::vector<int>& kept) const {
  const std::span<const int> allowed = view_.allowed(ask);
  if (windows_.is_empty()) return allowed;
  kept.assign(allowed.begin(), allowed.end());
  windows_.keep_open(ask, kept);
  return kept.size() == allowed.size() ? allowed : std::span<const int>(kept);
}

void Gate::started(const Ask& ask, int ranks) {
  const Resources& r = view_.shape_of(ask).resources;
  for (const int number : view_.entities_of(ask)) {
    Held& extra = extra_[number];
    extra.running += 1;
    extra.cpus += std::int64_t{ranks} * std::max(1, r.cpus_per_rank);
    extra.gpus += std::int64_t{ranks} * r.gpus_per_rank;
  }
  if (ask.array.value != 0) extra_of_array_[ask.array] += 1;
}

}  // namespace sovren::policy
