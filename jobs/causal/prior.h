// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/table.h"
#include "kernels/causal/knowledge.h"

namespace sovren::jobs {

/// The links that the job file requires and forbids, on the variables of the table.
///
/// Errors   spec_invalid, naming "causal_analysis.required[1].source": a variable that is not there
/// (with the nearest name), a lag that is not searched, a link that is required and forbidden, or
/// required links at lag 0 that form a circle.
Result<kernels::Knowledge> read_knowledge(const CausalSpec& spec, const Table& table);

}  // namespace sovren::jobs
