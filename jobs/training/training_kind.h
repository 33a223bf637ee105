// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "jobs/kind/job_kind.h"
#include "jobs/training/training_plan.h"

namespace sovren::jobs {

/// Model training, as a job.
///
/// Model    load: open the data, read the weights to begin with -> init | restore: the trainer of
/// the backend -> steps: a chunk of micro-batches each, shared out over the ranks; the last of a
/// step of the optimizer updates the parameters; a validation is steps of its own where it is long
/// -> finish: weights, losses, samples.
/// Laws     CPU: the state after each step is the same bits for every number of ranks and threads.
/// Errors   data_invalid, input_missing, also when a loss is no longer finite and on_nan is stop;
/// refused: more memory than there is.
/// Source   docs/training.md.
Result<std::unique_ptr<JobKind>> make_training_kind(const JobSpec& job, const TrainingSpec& spec,
                                                    const Setting& setting);
/// The same at another pace, for tests of small models.
Result<std::unique_ptr<JobKind>> make_training_kind(const JobSpec& job, const TrainingSpec& spec,
                                                    const Setting& setting, const Pace& pace);

}  // namespace sovren::jobs
