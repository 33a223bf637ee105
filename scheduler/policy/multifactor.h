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
/// Fair share   2^(-u / s), u: the user's part, under an account, of all that was used (running
///              attempts count up to now; each QOS as its usage_factor says), s: its part of all
///              shares. Where an account names no users, those who have used or wait share it
///              equally; without accounts, all do.
/// Source       Slurm, "Multifactor Priority Plugin", sections on fair share and age.
class Multifactor {
 public:
  Multifactor(const View& view, const PolicyConfig& config, const Uses& uses, Instant now);
  Priority priority(const Ask& ask, Instant submitted) const;

 private:
  struct Member {
    std::string account;
    std::string user;
    auto operator<=>(const Member&) const = default;
  };
  /// Of one member; peers: of each account, how many members it has.
  double shares_of(const Member& member, const std::map<std::string, int>& peers) const;
  void find_fair_shares(const Uses& uses);

  const View& view_;
  const PolicyConfig& config_;
  Instant now_;
  std::vector<Priority> of_owner_;  ///< what does not depend on the job: fair share, QOS, partition
};

}  // namespace sovren::policy
