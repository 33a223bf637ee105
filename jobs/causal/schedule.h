// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/port/state_io.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

/// The rows [first, first + count) of `rows` that belong to one rank: contiguous, nearly equal.
Rows rows_of_rank(std::int64_t rows, int rank, int ranks);

/// How many units of the round, from unit `first` on, the next step does: a second on one core,
/// but at least one unit, and no more than an eighth of the round. More ranks make a step shorter,
/// not larger, so steps are numbered alike for all of them.
int units_in_step(const kernels::Search& search, int first);

/// Shares the units of a step out over ranks: the rank of each unit. The costliest unit goes first,
/// each to the rank that is done with it first.
///
/// costs_s   of each unit.   speeds: of each rank, relative; all positive.
std::vector<int> deal(std::span<const double> costs_s, std::span<const double> speeds);

/// The speeds of ranks by what they did last: cost over seconds, as a running mean. A rank that
/// shares its core gets less of the next step. Results do not depend on it.
class RankSpeeds {
 public:
  explicit RankSpeeds(int ranks) : speeds_(static_cast<std::size_t>(ranks), 1.0) {}
  std::span<const double> speeds() const { return speeds_; }

  /// costs_s, took_s: of each rank in one step. Steps too short to be measured change nothing.
  void learn(std::span<const double> costs_s, std::span<const double> took_s);

 private:
  std::vector<double> speeds_;
};

}  // namespace sovren::jobs
