// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <functional>
#include <span>
#include <string>

#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "jobs/kind/job_kind.h"

namespace sovren::jobs {

/// A job for the laws to hold of: small (milliseconds), with several steps in each of its phases.
struct LawSubject {
  std::string name;
  JobSpec spec;
  /// As the registry does, or with settings that no job file has.
  std::function<Result<std::unique_ptr<JobKind>>(const JobSpec&, const Setting&)> make =
      make_job_kind;
};

/// Runs `body` once per rank, all ranks at the same time, and returns when all have returned.
using RunRanks = std::function<void(int ranks, const std::function<void(Communicator&)>& body)>;

/// Numbers of ranks, of before and after, that the laws go over.
inline constexpr std::array rank_counts{1, 2, 3, 4, 8};

/// What every job kind must satisfy. broken() says how the law fails; empty when it holds.
struct Law {
  std::string name;
  std::function<std::string(const LawSubject&, const RunRanks&)> broken;
};

/// All laws (DESIGN 4.3):
/// - a run restored at any step boundary passes through the same states and ends in the same result
///   as the uninterrupted one, bit for bit;
/// - it does so when it stops at every boundary and comes back each time;
/// - it does so on R' ranks after R, for R and R' of rank_counts (CPU);
/// - threads inside a rank change nothing;
/// - checkpoint() does not change the run;
/// - progress lies in [0, 1], never falls, and is 1 at the end;
/// - a step ends within seconds.
std::span<const Law> laws();

}  // namespace sovren::jobs
