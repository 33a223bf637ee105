// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/placement.h"

#include <algorithm>
#include <limits>
#include <tuple>

#include "core/base/result.h"
#include "core/base/units.h"
#include "scheduler/policy/policy.h"

namespace sovren::policy {
namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max() / 4;

int ranks_least(const Resources& r) {
  return r.ranks_min.value_or(r.ranks);
}

std::int64_t cpus_per_rank(const Resources& r) {
  return std::max(1, r.cpus_per_rank);
}

std::int64_t ranks_by_gpus_and_memory(const Resources& r, std::int64_t gpus, std::int64_t memory) {
  std::int64_t ranks = unlimited;
  if (r.gpus_per_rank > 0) ranks = std::min(ranks, gpus / r.gpus_per_rank);
  if (r.memory_per_rank_bytes > 0) ranks = std::min(ranks, memory / r.memory_per_rank_bytes);
  return ranks;
}

// Most ranks that a whole node takes when they may share cores; 0 when they may not.
std::int64_t ranks_oversubscribed(const Resources& r, int cpus_total) {
  switch (r.oversubscribe) {
    case Oversubscribe::no:
      return 0;
    case Oversubscribe::auto_:
      return std::int64_t{cpus_total} * ranks_per_core_max / cpus_per_rank(r);
    case Oversubscribe::yes:
      return unlimited;
  }
  return 0;
}

bool has_backend(const Resources& r, const Room& room) {
  return r.backend != Backend::cuda || room.gpus_total > 0;
}

// Ranks for this room, 0 if it does not do.
int ranks_in(const Resources& r, Growth growth, const Room& room) {
  if (!has_backend(r, room)) return 0;
  const int least = ranks_least(r);
  const int most = growth == Growth::up_to_ranks_max
                       ? std::max(r.ranks, r.ranks_max.value_or(r.ranks))
                       : r.ranks;
  const std::int64_t other = ranks_by_gpus_and_memory(r, room.gpus, room.memory_bytes);
  const std::int64_t fit = std::min(std::max<std::int64_t>(room.cpus, 0) / cpus_per_rank(r), other);
  if (fit >= least) return static_cast<int>(std::min<std::int64_t>(fit, most));
  const bool may_share =
      room.is_idle() && other >= least && ranks_oversubscribed(r, room.cpus_total) >= least;
  return may_share ? least : 0;  // no more than it must: shared cores make no job faster
}

std::string count_of(std::int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

// "ranks = 64", "ranks_min = 8": the line of the job file that asks for too much.
std::string ranks_text(const Resources& r) {
  std::string text = (r.ranks_min ? "ranks_min = " : "ranks = ") + std::to_string(ranks_least(r));
  if (cpus_per_rank(r) > 1) text += " with cpus_per_rank = " + std::to_string(cpus_per_rank(r));
  return text;
}

Error refused(std::string what, std::string hint) {
  return {.code = Code::refused, .what = std::move(what), .hint = std::move(hint)};
}

Error too_few_cpus(const Resources& r, const Room& largest) {
  const std::int64_t shared =
      std::int64_t{largest.cpus_total} * ranks_per_core_max / cpus_per_rank(r);
  const std::string cores = count_of(ranks_least(r) * cpus_per_rank(r), "core");
  const bool is_no = r.oversubscribe == Oversubscribe::no;
  const bool may_share = is_no && shared >= ranks_least(r);
  const std::string key = r.ranks_min ? "ranks_min" : "ranks";
  const std::int64_t allowed = is_no ? largest.cpus_total / cpus_per_rank(r) : shared;
  return refused(ranks_text(r) + " needs " + cores + " or oversubscribe = \"" +
                     (may_share ? "auto" : "yes") + "\"; the largest node has " +
                     count_of(largest.cpus_total, "core") + " (" + count_of(shared, "rank") +
                     " with oversubscription)",
                 (allowed > 0 ? "set " + key + " to at most " + std::to_string(allowed) + ", or "
                              : std::string()) +
                     "set resources.oversubscribe = \"" + (may_share ? "auto" : "yes") + "\"");
}

// Which resource no node has enough of, asked of idle nodes. Only for specs that fit on none.
Error why_never(const Resources& r, const std::vector<Room>& idle) {
  const auto most = [&](auto member) {
    return *std::max_element(idle.begin(), idle.end(),
                             [&](const Room& a, const Room& b) { return a.*member < b.*member; });
  };
  const int least = ranks_least(r);
  const Room largest = most(&Room::cpus_total);
  const Room by_gpus = most(&Room::gpus_total);
  const Room by_memory = most(&Room::memory_bytes);
  if (r.backend == Backend::cuda && by_gpus.gpus_total == 0)
    return refused("backend = \"cuda\" needs a GPU; no node has one",
                   "set resources.backend = \"auto\" or \"cpu\"");
  if (std::max(largest.cpus_total / cpus_per_rank(r), ranks_oversubscribed(r, largest.cpus_total)) <
      least)
    return too_few_cpus(r, largest);
  if (ranks_by_gpus_and_memory(r, by_gpus.gpus_total, unlimited) < least)
    return refused(ranks_text(r) + " with gpus_per_rank = " + std::to_string(r.gpus_per_rank) +
                       " needs " + count_of(std::int64_t{least} * r.gpus_per_rank, "GPU") +
                       "; the most on one node is " + std::to_string(by_gpus.gpus_total),
                   "use fewer ranks, or gpus_per_rank = 0 to share what is there");
  if (ranks_by_gpus_and_memory(r, unlimited, by_memory.memory_bytes) < least)
    return refused(ranks_text(r) + " with memory_per_rank = \"" +
                       format_size(r.memory_per_rank_bytes) + "\" needs " +
                       format_size(least * r.memory_per_rank_bytes) + "; the most on one node is " +
                       format_size(by_memory.memory_total_bytes),
                   "use fewer ranks or less memory_per_rank");
  return refused(ranks_text(r) + " fits on no node: cores, GPUs and memory are on different ones",
                 "use fewer ranks");
}

}  // namespace

void Room::take(const Resources& r, int ranks) {
  cpus -= ranks * cpus_per_rank(r);
  gpus -= std::int64_t{ranks} * r.gpus_per_rank;
  memory_bytes -= ranks * r.memory_per_rank_bytes;
}

std::vector<Room> rooms_of(const State& state) {
  std::vector<Room> rooms;
  for (const auto& [name, node] : state.nodes) {
    if (!node.is_up) continue;
    const NodeResources& has = node.resources;
    const std::int64_t memory = has.memory_bytes > 0 ? has.memory_bytes : unlimited;
    rooms.push_back({.node = name,
                     .cpus_total = has.cpus,
                     .gpus_total = has.gpus,
                     .memory_total_bytes = has.memory_bytes,
                     .cpus = has.cpus - node.cpus_used,
                     .gpus = has.gpus - node.gpus_used,
                     .memory_bytes = memory - node.memory_used_bytes});
  }
  return rooms;
}

std::optional<Placement> place(const Resources& r, Growth growth, const std::vector<Room>& rooms) {
  std::optional<Placement> best;
  const auto rank_of = [&](const Placement& p) {  // least is best; ties go to the first by name
    return std::tuple(-p.ranks, rooms[p.room].gpus, rooms[p.room].cpus);
  };
  for (std::size_t i = 0; i < rooms.size(); ++i) {
    const Placement here{i, ranks_in(r, growth, rooms[i])};
    if (here.ranks > 0 && (!best || rank_of(here) < rank_of(*best))) best = here;
  }
  return best;
}

std::string why_not_placed(const Resources& r, const std::vector<Room>& rooms) {
  if (rooms.empty()) return "no node has joined";
  const std::int64_t cores = ranks_least(r) * cpus_per_rank(r);
  const auto most_free = std::max_element(
      rooms.begin(), rooms.end(), [](const Room& a, const Room& b) { return a.cpus < b.cpus; });
  std::string wants = count_of(cores, "free core");
  std::string has = std::to_string(std::max<std::int64_t>(most_free->cpus, 0)) + " of " +
                    count_of(most_free->cpus_total, "core") + " free";
  if (r.gpus_per_rank > 0) {
    wants += ", " + count_of(std::int64_t{ranks_least(r)} * r.gpus_per_rank, "free GPU");
    has += ", " + std::to_string(std::max<std::int64_t>(most_free->gpus, 0)) + " of " +
           count_of(most_free->gpus_total, "GPU");
  }
  if (r.memory_per_rank_bytes > 0 && most_free->memory_total_bytes > 0) {
    wants += ", " + format_size(ranks_least(r) * r.memory_per_rank_bytes) + " of memory";
    has += ", " + format_size(std::max<std::int64_t>(most_free->memory_bytes, 0)) + " of memory";
  }
  if (cores > most_free->cpus_total) wants = "an idle node to share its cores among its ranks";
  return "waits for " + wants + ": " + most_free->node + " has " + has;
}

Result<void> can_ever_run(const JobSpec& spec, const State& state) {
  const Resources& r = spec.resources;
  if (r.nodes > 1)
    return fail(refused("nodes = " + std::to_string(r.nodes) + " needs " + std::to_string(r.nodes) +
                            " nodes, " + std::to_string(state.nodes.size()) +
                            " known, and this version places a job on one node",
                        "set resources.nodes = 1; ranks may still be many"));
  if (!spec.after.empty())
    return fail(refused("after = \"" + spec.after + "\": this version has no dependencies",
                        "submit the job when those it waits for are done"));
  std::vector<Room> idle = rooms_of(state);
  if (idle.empty()) return fail(refused("no node has joined, so no job can run", ""));
  for (Room& room : idle) {
    room.cpus = room.cpus_total;
    room.gpus = room.gpus_total;
    room.memory_bytes = room.memory_total_bytes > 0 ? room.memory_total_bytes : unlimited;
  }
  if (!place(r, Growth::up_to_ranks, idle)) return fail(why_never(r, idle));
  return {};
}

}  // namespace sovren::policy
