// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/kind/job_kind.h"
#include "jobs/training/run_log.h"
#include "kernels/nn/model.h"

namespace sovren::jobs {

/// The files of a finished training: model.safetensors or model.bin, loss.csv, loss.svg,
/// samples.txt. The digest is of the parameters, losses and samples, not of rates, nor of how the
/// files are made.
Result<Outcome> training_outcome(const std::string& job, const TrainingSpec& spec,
                                 const nn::ParameterTable& table, std::span<const float> parameters,
                                 const RunLog& log);

}  // namespace sovren::jobs
