// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/gate.h"

#include <algorithm>
#include <cmath>

namespace sovren::policy {
namespace {

constexpr double gap_s_min = 60;

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<bool> nodes_of(const Reservation& reservation, const View& view) {
  std::vector<bool> nodes;
  for (const ViewNode& node : view.nodes())
    nodes.push_back(reservation.nodes.empty() || holds(reservation.nodes, node.name));
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

Gate::Gate(const View& view, const PolicyConfig& config, Instant now)
    : view_(view), now_(now), is_preempting_(config.preemption.is_on) {
  for (const Reservation& reservation : config.site.reservations) {
    const auto window = occurrence(reservation, now);
    if (!window) continue;
    keep_earlier(next_change_, window->start > now ? window->start : window->end);
    windows_.push_back({&reservation, *window, nodes_of(reservation, view)});
  }
}

std::optional<Bar> Gate::bar(const Ask& ask) const {
  const Owner& owner = view_.owner_of(ask);
  for (const Partition& partition : view_.site().partitions)
    if (partition.name == owner.partition && !partition.is_up)
      return Bar{"PartitionDown", "partition " + partition.name + " is down"};
  if (ask.array.value != 0 && ask.array_max > 0) {
    const auto extra = extra_of_array_.find(ask.array);
    const int running =
        view_.running_of_array(ask.array) + (extra == extra_of_array_.end() ? 0 : extra->second);
    if (running >= ask.array_max)
      return Bar{"JobArrayTaskLimit", std::to_string(running) + " jobs of its array run, at most " +
                                          std::to_string(ask.array_max) + " may"};
  }
  for (const int number : view_.entities_of(ask)) {
    const Entity& entity = view_.entity(number);
    const auto found = extra_.find(number);
    const Extra extra = found == extra_.end() ? Extra{} : found->second;
    const auto over = [&](const char* code, const char* noun, std::int64_t held, std::int64_t more,
                          std::int64_t most) {
      return Bar{code, entity.name + " holds " + std::to_string(held) + " of at most " +
                           std::to_string(most) + " " + noun + "; this job asks for " +
                           std::to_string(more)};
    };
    const Limits& limits = entity.limits;
    if (limits.running_jobs && entity.running + extra.running + 1 > *limits.running_jobs)
      return over("AssocMaxJobsLimit", "running jobs", entity.running + extra.running, 1,
                  *limits.running_jobs);
    if (limits.cpus && entity.cpus + extra.cpus + view_.cpus_of(ask) > *limits.cpus)
      return over("AssocGrpCpuLimit", "cores", entity.cpus + extra.cpus, view_.cpus_of(ask),
                  *limits.cpus);
    if (limits.gpus && entity.gpus + extra.gpus + view_.gpus_of(ask) > *limits.gpus)
      return over("AssocGrpGRES", "GPUs", entity.gpus + extra.gpus, view_.gpus_of(ask),
                  *limits.gpus);
  }
  return std::nullopt;
}

std::span<const int> Gate::nodes(const Ask& ask, std::vector<int>& kept) const {
  const std::span<const int> allowed = view_.allowed(ask);
  if (windows_.empty()) return allowed;
  const Owner& owner = view_.owner_of(ask);
  // A job that checkpoints may fill the gap before a window, if it is long enough to get on.
  const bool can_leave = is_preempting_ && ask.can_preempt;
  kept.assign(allowed.begin(), allowed.end());
  for (const Open& open : windows_) {
    if (admits(*open.reservation, owner)) continue;
    const bool is_open = open.window.start <= now_;
    const bool would_run_into = now_ + ask.estimate_s > open.window.start;
    const bool fills_gap = can_leave && open.window.start - now_ > gap_s_min + 2 * ask.cost_s;
    if (!is_open && (!would_run_into || fills_gap)) continue;
    std::erase_if(kept, [&](int node) { return open.nodes[static_cast<std::size_t>(node)]; });
  }
  return kept;
}

void Gate::started(const Ask& ask, int ranks) {
  const Resources& r = view_.shape_of(ask).resources;
  for (const int number : view_.entities_of(ask)) {
    Extra& extra = extra_[number];
    extra.running += 1;
    extra.cpus += std::int64_t{ranks} * std::max(1, r.cpus_per_rank);
    extra.gpus += std::int64_t{ranks} * r.gpus_per_rank;
  }
  if (ask.array.value != 0) extra_of_array_[ask.array] += 1;
}

std::optional<Instant> must_leave_at(const View& view, const PolicyConfig& config,
                                     const RunningJob& job, Instant now) {
  std::optional<Instant> leave;
  for (const Reservation& reservation : config.site.reservations) {
    if (admits(reservation, view.owner_of(job.ask))) continue;
    const auto window = occurrence(reservation, now);
    if (!window) continue;
    const std::vector<bool> nodes = nodes_of(reservation, view);
    const bool is_there = std::any_of(job.shares.begin(), job.shares.end(), [&](Share share) {
      return nodes[static_cast<std::size_t>(share.node)];
    });
    if (is_there) keep_earlier(leave, window->start);
  }
  return leave;
}

}  // namespace sovren::policy
