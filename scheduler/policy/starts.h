// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "scheduler/policy/free.h"
#include "scheduler/policy/gate.h"
#include "scheduler/policy/line.h"

namespace sovren::policy {

/// One job that starts now.
struct Choice {
  JobId job;
  Placement placement;
};

/// What is promised to the first job that does not fit.
struct Promise {
  JobId job;
  Instant at;                 ///< when it is expected to fit
  std::vector<Room> rooms;    ///< as they will be then, its own part taken
  std::vector<Share> shares;  ///< where
};

/// A pass over those that wait: who starts now. Preempts nobody.
struct Starts {
  std::vector<Choice> choices;
  std::optional<Promise> promise;  ///< backfill easy
};

/// Backfill none and easy. Source: Lifka, "The ANL/IBM SP scheduling system" (JSSPP 1995), with
/// the rule of extra nodes as Mu'alem and Feitelson (TPDS 2001) state it, per node.
Starts start_easy(const View& view, Gate& gate, const PolicyConfig& config, const Uses& uses,
                  Instant now);

/// Every waiting job in order gets the earliest place that harms none before it; the schedule is
/// made anew at each pass. Source: Mu'alem and Feitelson (TPDS 2001), section 2.
Starts start_conservative(const View& view, Gate& gate, const PolicyConfig& config,
                          const Uses& uses, Instant now);

/// When the candidate is expected to fit, given who runs and who has just started, and how it is
/// then. None: not even when all have ended.
std::optional<Promise> promise_to(const View& view, const Candidate& candidate,
                                  std::span<const int> nodes, const std::vector<Room>& rooms,
                                  const std::vector<RunningJob>& started, Instant now);

}  // namespace sovren::policy
