// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/base/id.h"
#include "storage/checkpoint/checkpoint_set.h"

namespace sovren::storage {

/// What the choice of the sets that stay looks at. Nothing else goes into it, no clock above all.
struct KeptSet {
  std::string name;
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  double sealed_at_s = 0;                 ///< seconds since 1970; 0: not known
  std::map<std::string, double> metrics;  ///< that may be compared with those of the newest set
  bool is_whole = true;                   ///< all files are there; not: it does not count, or go
};

/// The names of the sets that no rule keeps, in the order in which they may go: oldest first.
///
/// Order    `sets` is in the order of sealing, newest first (find_sets). Times decide nothing but
///          which hour a set belongs to, so a clock that jumps deletes nothing out of turn.
/// keep     The newest so many whole sets; at least one.
/// hourly   Going back from the newest whole set, the first met of each hour (of UTC), until so
///          many hours have had one. An hour without a set does not count, so a job that slept for
///          a week keeps its hours. A set whose clock was ahead is of the hour that the clock
///          showed, and goes in its turn. One of unknown time is of no hour.
/// best     The whole set with the least (greatest) value of the metric. Of equals the oldest: a
///          kind repeats a value until it measures anew, and the first set is the one that was
///          measured. A value that is missing, infinite or no number is not compared; when no set
///          has one, the rule keeps nothing.
/// Cost     sets * log(hours).
std::vector<std::string> sets_to_delete(std::span<const KeptSet> sets, const Retention& retention);

}  // namespace sovren::storage
