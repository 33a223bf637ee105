// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "jobs/causal/bootstrap.h"
#include "jobs/causal/graph.h"
#include "jobs/causal/share.h"
#include "jobs/kind/job_kind.h"
#include "kernels/causal/search.h"

namespace sovren::jobs {

/// What a finished analysis found.
struct Findings {
  const kernels::LinkTable& links;
  kernels::TestCounts counts;  ///< of all searches
  int samples = 0;
  int conditioning_level = 0;
  const Confidence* confidence = nullptr;  ///< none: no bootstrap
};

/// The graph, its files, digest and metrics. A pure function of its arguments.
Result<Outcome> make_outcome(const std::string& title, const CausalSpec& spec, const Inputs& inputs,
                             const std::vector<std::string>& warnings, const Findings& findings);

}  // namespace sovren::jobs
