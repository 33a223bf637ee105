// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/text/problems.h"
#include "slurm/script/wishes.h"

namespace sovren::slurm {

/// The variables that a job gets from its submission.
struct BatchEnvironment {
  std::map<std::string, std::string> variables;
  std::vector<std::string> unfit;  ///< names of some that cannot be handed on: not UTF-8, too long
};

/// As --export and --export-file say; all without them. Not handed on unless they are named: what a
/// scheduler or MPI says of the process that submits (SLURM_*, SOVREN_*, OMPI_*, PMIX_*, GPUs,
/// folders).
BatchEnvironment batch_environment(const BatchSource& source, const Wishes& wishes,
                                   text::Problems& problems);

}  // namespace sovren::slurm
