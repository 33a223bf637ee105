// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/model/job_spec.h"

namespace sovren::policy {

/// What is free on one node, as far as the plan has got.
///
/// Units   cpus: cores; may be negative on an oversubscribed node. memory_bytes: of a node that
///         does not know its memory, memory_unknown.
struct Room {
  int cpus_total = 0;
  int gpus_total = 0;
  std::int64_t memory_total_bytes = 0;
  std::int64_t cpus = 0;
  std::int64_t gpus = 0;
  std::int64_t memory_bytes = 0;
  int attempts = 0;           ///< that hold a part of it
  bool is_exclusive = false;  ///< held as a whole

  bool is_idle() const { return attempts == 0; }
  bool operator==(const Room&) const = default;
};
inline constexpr std::int64_t memory_unknown = std::int64_t{1} << 60;

Room idle_room(int cpus, int gpus, std::int64_t memory_bytes);

/// Ranks on one node; node: index into the rooms.
struct Share {
  int node = 0;
  int ranks = 0;
  bool operator==(const Share&) const = default;
};

/// In all.
int ranks_of(const std::vector<Share>& shares);

/// Where an attempt could start: head first.
struct Placement {
  std::vector<Share> shares;
  int ranks = 0;
};

void take(Room& room, const Resources& resources, int ranks);
void give_back(Room& room, const Resources& resources, int ranks);

/// What is free in both.
Room lesser(const Room& a, const Room& b);

/// May an elastic job take more than `ranks`?
enum class Growth { up_to_ranks, up_to_ranks_max };

/// Which of the places that would do: the tightest, so that large ones stay; or the first, which
/// stays the same when there is less elsewhere, for a place that is kept for later.
enum class Fit { tightest, first };

/// Ranks that this room takes, 0 if it does not do.
int ranks_in(const Resources& resources, Growth growth, const Room& room);

/// The best place for one attempt among the rooms that `allowed` names.
///
/// One node   most ranks, then fewest GPUs and cores left over, then the first.
/// Several    exactly `nodes` of them, the ranks spread evenly (the first ones take one more); the
///            ones with the fewest cores left over that do, then the first.
std::optional<Placement> place(const Resources& resources, Growth growth,
                               std::span<const Room> rooms, std::span<const int> allowed,
                               Fit fit = Fit::tightest);

/// What at least one node must have for the job, whatever else: else no place is found.
struct Need {
  std::int64_t cpus = 1;       ///< so many free cores,
  std::int64_t cpus_idle = 1;  ///< or so many cores and nobody there: its ranks may share them
};
Need need_of(const Resources& resources);

/// Fewest cores in all that place() could do with: an early answer to "never in so few".
std::int64_t cpus_least(const Resources& resources);

}  // namespace sovren::policy
