// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "jobs/kind/job_kind.h"

namespace sovren::jobs {

/// Causal analysis, as a job.
///
/// Model    load: read and check the inputs -> init | restore: what the tests need of the data
/// (cheap, so it is never stored), shared out over the ranks -> steps: the next units of the round
/// that the search is in (kernels/causal/search.h), shared out over the ranks by cost and by how
/// fast each rank was, their results exchanged; the bootstrap is one more search -> finish: graph,
/// model, files.
/// Laws     the state after step s is the same bits for every number of ranks and threads.
/// Errors   spec_invalid, data_invalid: what does not go together; refused: what this version does
/// not have, or more memory than the job's limit; device: CUDA asked for and not there.
/// Source   docs/causal.md.
Result<std::unique_ptr<JobKind>> make_causal_kind(const JobSpec& job, const CausalSpec& spec,
                                                  const Setting& setting);

}  // namespace sovren::jobs
