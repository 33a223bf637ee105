// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include "jobs/kind/job_kind.h"

namespace sovren::jobs {

/// Rendering, as a job.
///
/// Model    load: the scene at the job's frame -> steps: some units of render_plan.h each, which
/// ranks take one by one from a shared counter -> at an epoch's end, tiles that are good enough
/// stop -> finish: the picture, its noise, its score.
/// State    the sums of all samples (whole numbers, trace::Film), the active tiles, how many units
/// of the epoch are done. Each rank keeps its own sums; a checkpoint adds them up.
/// Laws     CPU: the same sums, bit for bit, for every number of ranks and threads and any stops.
/// Errors   data_invalid, input_missing, refused: more memory than there is.
/// Source   docs/rendering.md.
Result<std::unique_ptr<JobKind>> make_rendering_kind(const JobSpec& job, const RenderingSpec& spec,
                                                     const Setting& setting);

/// The same with steps of so many samples, for tests of small pictures.
Result<std::unique_ptr<JobKind>> make_rendering_kind(const JobSpec& job, const RenderingSpec& spec,
                                                     const Setting& setting,
                                                     std::int64_t step_samples);

}  // namespace sovren::jobs
