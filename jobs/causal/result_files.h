// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "jobs/causal/graph.h"
#include "jobs/causal/table.h"
#include "jobs/kind/job_kind.h"

namespace sovren::jobs {

/// All files of a result. table: the data, which the report's charts show the end of.
///
/// Errors   storage_io: HDF5 could not make result.h5.
Result<std::vector<ResultFile>> result_files(const CausalGraph& graph, const Table& table);

}  // namespace sovren::jobs
