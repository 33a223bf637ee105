// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "jobs/causal/graph.h"
#include "jobs/causal/share.h"
#include "jobs/kind/job_kind.h"
#include "kernels/causal/test_source.h"

namespace sovren::jobs {

/// What the tests found: for each target the values of its possible causes.
///
/// Shape    value, p_value: (target, source, lag), lag 0 .. max_lag, row-major: rows of mci_row.
struct TestedLinks {
  int variables = 0;
  int min_lag = 0;
  int max_lag = 0;
  std::vector<double> value;
  std::vector<double> p_value;
};

/// All tests of a finished analysis.
struct Findings {
  TestedLinks tested;
  kernels::TestCounts counts;  ///< over both passes
  int samples = 0;
  int conditioning_level = 0;
};

/// The graph, its files, digest and metrics. A pure function of its arguments.
Result<Outcome> make_outcome(const std::string& title, const CausalSpec& spec, const Inputs& inputs,
                             const std::vector<std::string>& warnings, const Findings& findings);

}  // namespace sovren::jobs
