// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/model/spec_facts.h"

namespace sovren::cli {

/// What sovren-rank --check says of a job whose inputs are good.
struct Preflight {
  SpecFacts facts;  ///< what decides the result, the digests of the inputs among them
  std::vector<std::string> warnings;  ///< a constant column, ...
};

/// Has the rank program read and check the job's inputs, before anything is created, and reads the
/// key of its checkpoints. Errors: those of the inputs and the key, and refused when this build
/// cannot run the job.
Result<Preflight> check_inputs(const JobSpec& spec, const std::string& rank_program);

}  // namespace sovren::cli
