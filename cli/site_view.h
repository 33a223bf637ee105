// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "cli/listing.h"
#include "core/text/json.h"
#include "slurm/bridge/follower.h"
#include "slurm/bridge/site_unit.h"

// Site jobs as documents and tables. Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

/// Why tasks wait, of the rows of the site's last answer: what the ledger has may be old.
class WaitReasons {
 public:
  explicit WaitReasons(const std::vector<slurm::SiteRow>& rows);
  std::string of(const slurm::SiteUnit& unit) const;

 private:
  std::map<std::string, std::vector<const slurm::SiteRow*>> rows_of_;  // by the site's id
};

/// One row of `sovren slurm status --json` (docs/formats.md). Reads the progress of one that runs
/// from its directory.
text::Json site_job_view(const slurm::SiteUnit& unit, const WaitReasons& reasons);

/// With a head: JOB, NAME, STATE, BACK, DONE, STEP, METRIC, NODES, WHY, DIR. Unless is_expanded, an
/// array is one row. At most rows_max of them.
enum class Arrays { folded, expanded };
Rows site_job_rows(const std::vector<slurm::SiteUnit>& units, const WaitReasons& reasons,
                   Arrays arrays, std::size_t rows_max);

/// One record of `sovren history --json` of a unit that has ended, with its allocations and what
/// its report says.
text::Json site_record(const slurm::SiteUnit& unit);

}  // namespace sovren::cli
