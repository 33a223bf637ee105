// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "scheduler/policy/policy.h"
#include "scheduler/policy/view.h"

namespace sovren::policy {

/// What users have used under their accounts, for fair share.
struct Uses {
  const std::map<Association, Usage>* usage = nullptr;  ///< of ended attempts; null: none
  double half_life_s = 7 * 86'400.0;
};

/// The parts of a job's priority, each weight x factor.
struct Priority {
  double age = 0;
  double fair_share = 0;
  double qos = 0;
  double partition = 0;
  double size = 0;
  double deadline = 0;
  double nice = 0;
  double total() const { return age + fair_share + qos + partition + size + deadline + nice; }
};

/// Priorities at one moment.
///
/// Fair share   2^(-u / s), u: the association's part of all that was used (running attempts
///              count up to now), s: its part of all shares. Without accounts set up, all
///              associations that have used or wait have equal shares.
/// Source       Slurm, "Multifactor Priority Plugin", sections on fair share and age.
class Multifactor {
 public:
  Multifactor(const View& view, const PolicyConfig& config, const Uses& uses, Instant now);
  Priority priority(const Ask& ask, Instant submitted) const;
  /// 1: has used nothing; 1/2: just its share.
  double fair_share(const Owner& owner) const;

 private:
  double shares_of(const Association& who) const;

  const View& view_;
  const PolicyConfig& config_;
  Instant now_;
  double qos_highest_ = 0;
  double partition_highest_ = 0;
  std::map<Association, double> factor_;
};

}  // namespace sovren::policy
