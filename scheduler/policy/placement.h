// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/model/state.h"

namespace sovren::policy {

/// What is free on one node, as far as the plan has got.
///
/// Units   cpus: cores; may be negative on an oversubscribed node. memory_bytes: of a node that
///         does not know its memory, unlimited.
struct Room {
  std::string node;
  int cpus_total = 0;
  int gpus_total = 0;
  std::int64_t memory_total_bytes = 0;
  std::int64_t cpus = 0;
  std::int64_t gpus = 0;
  std::int64_t memory_bytes = 0;

  bool is_idle() const { return cpus >= cpus_total; }
  void take(const Resources& resources, int ranks);
};

/// The rooms of all nodes, by name.
std::vector<Room> rooms_of(const State& state);

/// Where an attempt could start now, and on how many ranks.
struct Placement {
  std::size_t room = 0;  ///< index into the rooms
  int ranks = 0;
};

/// May an elastic job take more than `ranks`?
enum class Growth { up_to_ranks, up_to_ranks_max };

/// The best place for one attempt: most ranks, then fewest GPUs and cores left over, then by name.
std::optional<Placement> place(const Resources& resources, Growth growth,
                               const std::vector<Room>& rooms);

/// Why place() found none, in words: what is asked for and what is free.
std::string why_not_placed(const Resources& resources, const std::vector<Room>& rooms);

}  // namespace sovren::policy
