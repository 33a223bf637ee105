// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/model/job_spec.h"
#include "core/port/communicator.h"
#include "workers/rank/level_seals.h"

namespace sovren::workers {

/// The levels that a job's file asks for, the fastest first. One that cannot be had is left out,
/// and warn is told why, on every rank. Collective; rank 0 holds the attempt's lock. above: the
/// store of the job directory.
Result<std::vector<JobLevel>> open_levels(Communicator& comm, const CheckpointPolicy& policy,
                                          const std::string& checkpoint_dir,
                                          const storage::StoreSetting& writing,
                                          const storage::CheckpointStore& above,
                                          const std::function<void(std::string)>& warn);

}  // namespace sovren::workers
