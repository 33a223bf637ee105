// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/model/spec_facts.h"
#include "jobs/causal/share.h"

namespace sovren::jobs {

/// Do the settings of a job file go together? Errors: spec_invalid, refused.
Result<void> check_settings(const CausalSpec& spec);

/// Of pc the same with lag 0 only: rows are samples, not time steps.
CausalSpec without_lags_of_pc(const CausalSpec& spec);

/// Reads and checks the data, the truth and the mask that the spec names. Errors: input_missing,
/// data_invalid, naming file, line and column.
Result<Inputs> read_inputs(const CausalSpec& spec);

/// What of the inputs decides the result: their names and digests.
void add_input_facts(SpecFacts& facts, const CausalSpec& spec, const Inputs& inputs);

}  // namespace sovren::jobs
