// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/kind/job_kind.h"

namespace sovren::jobs {

/// Time-series causal discovery by PCMCI with partial correlations.
///
/// Model    load: read and check the table -> init | restore: correlations of all lagged variables
/// (cheap, so they are never stored), shared out over the ranks -> steps: condition selection (PC1)
/// of the next targets, its results exchanged; then MCI tests of the next targets, whose rows stay
/// with their owner -> finish: rows to rank 0, false discovery rate, graph, files.
/// Laws     the state after step s is the same bits for every number of ranks and threads.
/// Errors   refused: what this version does not have, or more memory than the job's limit; device:
/// CUDA asked for and not there.
/// Source   Runge et al., Science Advances 5, eaau4996 (2019); ../docs/causal.md.
Result<std::unique_ptr<JobKind>> make_causal_kind(const JobSpec& job, const CausalSpec& spec,
                                                  const Setting& setting);

}  // namespace sovren::jobs
