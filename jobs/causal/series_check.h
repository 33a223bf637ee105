// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/causal/table.h"

namespace sovren::jobs {

/// Time steps that an analysis with these lags and condition limits needs at least.
int time_steps_needed(const CausalSpec& spec, int variables);

/// Are there time steps enough? Errors: data_invalid, saying how many are needed.
Result<void> check_length(const CausalSpec& spec, const Table& table);

/// Has each variable values at every lag that the analysis looks at, and for a discrete test few
/// enough different ones? Errors: data_invalid, naming the variable.
Result<void> check_values(const CausalSpec& spec, const Table& table);

/// What the user should know of the columns: one that never changes; one that is a copy of another,
/// or is made up of others exactly.
///
/// Method   Cholesky of the correlations, in the order of the columns: one of which less than 1e-10
/// of the variance is left is determined by those before it. With missing values only pairs are
/// compared, on the rows where both are measured.
/// Cost     rows x columns^2 multiplications by BLAS, columns^3 / 6 more.
std::vector<std::string> column_warnings(const Table& table);

}  // namespace sovren::jobs
