// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/event.h"

namespace sovren::slurm {

/// What the text of a state means to us.
struct SiteState {
  std::optional<JobState> state;  ///< the nearest of ours; none: a state that is not known here
  bool is_final = false;          ///< the site will do no more with the job
  /// It is final only if it stays so: a site shows the like also of a job that it is about to
  /// requeue.
  bool may_come_back = false;
  bool operator==(const SiteState&) const = default;
};

/// Of a state as Slurm 20 to 26 write it: long and short names ("PENDING", "PD"), with what follows
/// them ("CANCELLED by 1000"), cut short ("OUT_OF_ME+"), and a state with flags as lists in --json
/// have them ("COMPLETED+COMPLETING", "NODE_FAIL,REQUEUED"). Never fails: what is not known is not
/// final.
///
/// Source   Slurm's pages job_state_codes, squeue(1), sacct(1).
SiteState site_state(std::string_view text);

/// All long names that are known, for tests and documents.
std::vector<std::string_view> known_site_states();

}  // namespace sovren::slurm
