// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <vector>

#include "scheduler/policy/multifactor.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// The order of preemption.h as one number, at one moment: the higher, the earlier. Logarithms, so
/// that tier, level and what is left fit into one number.
class Feedback {
 public:
  Feedback(const View& view, const PolicyConfig& config, const Uses& uses, Instant now);

  double waiting(const Ask& ask, Instant submitted) const;
  double running(const RunningJob& job) const;
  /// Of one that is pinned, where only a tier that may preempt its own goes before it; none: nobody
  /// that waits does.
  std::optional<double> pinned(const Ask& ask) const;

  /// How long a started job is left alone.
  double pin_s(const Ask& ask) const;
  /// By time alone, a running job may lose its place at this moment, the first after now; none:
  /// never any more.
  std::optional<Instant> next_change(const Ask& ask, Instant started_at) const;

 private:
  double score(const Ask& ask, Instant submitted, double attained_s, bool is_running) const;
  int level(double attained_s) const;

  const PolicyConfig& config_;
  Instant now_;
  std::optional<Multifactor> multifactor_;
  std::vector<int> tiers_;    ///< by owner
  std::vector<int> shields_;  ///< by owner: the lowest tier that may preempt its own
  int highest_waiting_ = 0;
};

}  // namespace sovren::policy
