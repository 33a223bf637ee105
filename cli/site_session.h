// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "cli/system_clock.h"
#include "core/base/result.h"
#include "slurm/bridge/follower.h"
#include "slurm/bridge/site_unit.h"

namespace sovren::cli {

/// The site of this machine, as commands that look at its jobs use it: the ledger of
/// $SOVREN_HOME/slurm and a follower of it.
class SiteSession {
 public:
  /// Errors   storage_io.
  static Result<std::unique_ptr<SiteSession>> open(double patience_s = slurm::site_patience_s);

  /// One tick; what the follower has to say goes to standard error.
  Result<slurm::FollowerTick> look();

  const slurm::Follower& follower() const { return follower_; }
  slurm::Ledger& ledger() { return ledger_; }
  const slurm::SiteCommand& command() const { return command_; }

  /// All units; those that have not ended; those that words mean. Errors: not_found names a word
  /// that means none.
  std::vector<slurm::SiteUnit> units() const { return slurm::units_of(ledger_.jobs()); }
  std::vector<slurm::SiteUnit> open_units() const;
  Result<std::vector<slurm::SiteUnit>> units_of(const std::vector<std::string>& words) const;

 private:
  SiteSession(slurm::Ledger ledger, slurm::SiteCommand command);

  slurm::Ledger ledger_;
  slurm::SiteCommand command_;
  SystemClock clock_;
  slurm::Follower follower_;
};

}  // namespace sovren::cli
