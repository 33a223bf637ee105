// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/placement.h"

#include <algorithm>
#include <tuple>

namespace sovren::policy {
namespace {

int ranks_least(const Resources& r) {
  return r.ranks_min.value_or(r.ranks);
}

int ranks_most(const Resources& r, Growth growth) {
  return growth == Growth::up_to_ranks_max ? std::max(r.ranks, r.ranks_max.value_or(r.ranks))
                                           : r.ranks;
}

std::int64_t cpus_per_rank(const Resources& r) {
  return std::max(1, r.cpus_per_rank);
}

// Most ranks that a whole node takes when they may share cores; 0 when they may not.
std::int64_t ranks_oversubscribed(const Resources& r, int cpus_total) {
  switch (r.oversubscribe) {
    case Oversubscribe::no:
      return 0;
    case Oversubscribe::auto_:
      return std::int64_t{cpus_total} * ranks_per_core_max / cpus_per_rank(r);
    case Oversubscribe::yes:
      return memory_unknown;
  }
  return 0;
}

// Ranks that fit, without sharing cores. May be more than the job wants.
std::int64_t ranks_beside_others(const Resources& r, const Room& room) {
  std::int64_t ranks = std::max<std::int64_t>(room.cpus, 0) / cpus_per_rank(r);
  if (r.gpus_per_rank > 0) ranks = std::min(ranks, room.gpus / r.gpus_per_rank);
  if (r.memory_per_rank_bytes > 0)
    ranks = std::min(ranks, room.memory_bytes / r.memory_per_rank_bytes);
  return ranks;
}

bool may_share_cores(const Resources& r, const Room& room, int ranks) {
  if (!room.is_idle() || ranks_oversubscribed(r, room.cpus_total) < ranks) return false;
  if (r.gpus_per_rank > 0 && room.gpus / r.gpus_per_rank < ranks) return false;
  return r.memory_per_rank_bytes == 0 || room.memory_bytes / r.memory_per_rank_bytes >= ranks;
}

bool is_closed(const Resources& r, const Room& room) {
  return room.is_exclusive || (r.exclusive && !room.is_idle()) ||
         (r.backend == Backend::cuda && room.gpus_total == 0);
}

bool fits(const Resources& r, const Room& room, int ranks) {
  return !is_closed(r, room) &&
         (ranks_beside_others(r, room) >= ranks || may_share_cores(r, room, ranks));
}

std::optional<Placement> place_on_one(const Resources& r, Growth growth,
                                      std::span<const Room> rooms, std::span<const int> allowed,
                                      Fit fit) {
  std::optional<Share> best;
  const auto rank_of = [&](const Share& share) {  // least is best
    const Room& room = rooms[static_cast<std::size_t>(share.node)];
    const bool is_tight = fit == Fit::tightest;
    return std::tuple(-share.ranks, is_tight ? room.gpus : 0, is_tight ? room.cpus : 0);
  };
  for (const int node : allowed) {
    const Share here{node, ranks_in(r, growth, rooms[static_cast<std::size_t>(node)])};
    if (here.ranks > 0 && (!best || rank_of(here) < rank_of(*best))) best = here;
  }
  if (!best) return std::nullopt;
  return Placement{{*best}, best->ranks};
}

// `most` ranks on exactly r.nodes nodes: the tightest nodes that can take one more than the rest
// first, then the tightest others.
std::optional<Placement> place_on_many(const Resources& r, int ranks, std::span<const Room> rooms,
                                       std::span<const int> allowed, Fit fit) {
  const auto room_of = [&](int node) -> const Room& {
    return rooms[static_cast<std::size_t>(node)];
  };
  const int each = ranks / r.nodes;
  const int larger = ranks % r.nodes;
  if (each == 0) return std::nullopt;
  std::vector<int> fitting;
  for (const int node : allowed)
    if (fits(r, room_of(node), each)) fitting.push_back(node);
  if (static_cast<int>(fitting.size()) < r.nodes) return std::nullopt;
  if (fit == Fit::tightest)
    std::stable_sort(fitting.begin(), fitting.end(), [&](int a, int b) {
      return std::tuple(room_of(a).gpus, room_of(a).cpus) <
             std::tuple(room_of(b).gpus, room_of(b).cpus);
    });
  Placement placement{{}, ranks};
  std::vector<int> rest;
  for (const int node : fitting) {
    const bool takes_more =
        static_cast<int>(placement.shares.size()) < larger && fits(r, room_of(node), each + 1);
    if (takes_more)
      placement.shares.push_back({node, each + 1});
    else
      rest.push_back(node);
  }
  if (static_cast<int>(placement.shares.size()) < larger) return std::nullopt;
  for (const int node : rest) {
    if (static_cast<int>(placement.shares.size()) == r.nodes) break;
    placement.shares.push_back({node, each});
  }
  return placement;
}

}  // namespace

Room idle_room(int cpus, int gpus, std::int64_t memory_bytes) {
  const std::int64_t memory = memory_bytes > 0 ? memory_bytes : memory_unknown;
  return {.cpus_total = cpus,
          .gpus_total = gpus,
          .memory_total_bytes = memory_bytes,
          .cpus = cpus,
          .gpus = gpus,
          .memory_bytes = memory};
}

int ranks_of(const std::vector<Share>& shares) {
  int ranks = 0;
  for (const Share& share : shares) ranks += share.ranks;
  return ranks;
}

void take(Room& room, const Resources& r, int ranks) {
  room.attempts += 1;
  room.is_exclusive = room.is_exclusive || r.exclusive;
  room.cpus -= r.exclusive ? room.cpus_total : ranks * cpus_per_rank(r);
  room.gpus -= r.exclusive ? room.gpus_total : std::int64_t{ranks} * r.gpus_per_rank;
  room.memory_bytes -= ranks * r.memory_per_rank_bytes;
}

void give_back(Room& room, const Resources& r, int ranks) {
  room.attempts -= 1;
  if (r.exclusive) room.is_exclusive = false;
  room.cpus += r.exclusive ? room.cpus_total : ranks * cpus_per_rank(r);
  room.gpus += r.exclusive ? room.gpus_total : std::int64_t{ranks} * r.gpus_per_rank;
  room.memory_bytes += ranks * r.memory_per_rank_bytes;
}

Room lesser(const Room& a, const Room& b) {
  Room room = a;
  room.cpus = std::min(a.cpus, b.cpus);
  room.gpus = std::min(a.gpus, b.gpus);
  room.memory_bytes = std::min(a.memory_bytes, b.memory_bytes);
  room.attempts = std::max(a.attempts, b.attempts);
  room.is_exclusive = a.is_exclusive || b.is_exclusive;
  return room;
}

int ranks_in(const Resources& r, Growth growth, const Room& room) {
  if (is_closed(r, room)) return 0;
  const int least = ranks_least(r);
  const std::int64_t fit = ranks_beside_others(r, room);
  if (fit >= least) return static_cast<int>(std::min<std::int64_t>(fit, ranks_most(r, growth)));
  return may_share_cores(r, room, least) ? least : 0;  // no more than it must: shared cores make no
                                                       // job faster
}

std::optional<Placement> place(const Resources& r, Growth growth, std::span<const Room> rooms,
                               std::span<const int> allowed, Fit fit) {
  if (r.nodes <= 1) return place_on_one(r, growth, rooms, allowed, fit);
  const int most = ranks_most(r, growth);
  if (auto placement = place_on_many(r, most, rooms, allowed, fit)) return placement;
  // Where some fit, fewer do: the most that do are found by halving.
  int enough = std::max(ranks_least(r), r.nodes);
  if (enough >= most) return std::nullopt;
  auto best = place_on_many(r, enough, rooms, allowed, fit);
  for (int too_many = most; best && too_many - enough > 1;) {
    const int ranks = enough + (too_many - enough) / 2;
    if (auto placement = place_on_many(r, ranks, rooms, allowed, fit)) {
      best = std::move(placement);
      enough = ranks;
    } else {
      too_many = ranks;
    }
  }
  return best;
}

Need need_of(const Resources& r) {
  const int nodes = std::max(1, r.nodes);
  const std::int64_t ranks = (ranks_least(r) + nodes - 1) / nodes;
  Need need{.cpus = ranks * cpus_per_rank(r), .cpus_idle = memory_unknown};
  if (r.oversubscribe == Oversubscribe::auto_)
    need.cpus_idle = (need.cpus + ranks_per_core_max - 1) / ranks_per_core_max;
  if (r.oversubscribe == Oversubscribe::yes) need.cpus_idle = 0;
  return need;
}

std::int64_t cpus_least(const Resources& r) {
  const std::int64_t cpus = ranks_least(r) * cpus_per_rank(r);
  switch (r.oversubscribe) {
    case Oversubscribe::no:
      return cpus;
    case Oversubscribe::auto_:
      return std::max<std::int64_t>(1, cpus / ranks_per_core_max);
    case Oversubscribe::yes:
      return 1;
  }
  return cpus;
}

}  // namespace sovren::policy
