// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "core/base/rng.h"
#include "core/model/event.h"
#include "core/model/job_spec.h"
#include "core/port/reporter.h"

namespace sovren::testing_text {

/// Draws values of one seed, one after the other.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : rng_(seed, 77) {}
  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(rng_.below(next_++, static_cast<std::uint64_t>(bound)));
  }
  std::int64_t between(std::int64_t min, std::int64_t max) { return min + below(max - min + 1); }
  double uniform() { return rng_.uniform(next_++); }
  double normal() { return rng_.normal(next_++); }
  bool coin() { return below(2) == 1; }
  /// Text of 1 to 20 characters, some of which need escapes.
  std::string text();
  /// Letters and digits, beginning with a letter.
  std::string word();

 private:
  Philox rng_;
  std::uint64_t next_ = 0;
};

/// A spec as parse_job_file may return it.
JobSpec random_spec(std::uint64_t seed);
/// An event of the kind that `alternative` names.
Event random_event(std::uint64_t seed, std::size_t alternative);
/// A report of the kind that `alternative` names.
RankReport random_report(std::uint64_t seed, std::size_t alternative);

}  // namespace sovren::testing_text
