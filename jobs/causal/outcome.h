// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "jobs/causal/graph.h"
#include "jobs/causal/share.h"
#include "jobs/kind/job_kind.h"
#include "kernels/causal/test_source.h"

namespace sovren::jobs {

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
