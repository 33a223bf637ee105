// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "core/base/result.h"
#include "jobs/kind/job_kind.h"
#include "jobs/rendering/rendering_inputs.h"
#include "kernels/trace/film.h"

namespace sovren::jobs {

/// What a finished rendering leaves: image.exr (linear, with the AOVs that were asked for),
/// image.png (tone-mapped), quality.json.
Result<Outcome> rendering_outcome(const RenderingSpec& spec, const RenderingInputs& inputs,
                                  const trace::Film& film, const SpecFacts& facts,
                                  const Setting& setting);

/// image.png, small, of the samples so far. Collective; only rank 0 gets it.
Result<std::vector<ResultFile>> preview_files(Communicator& comm, const RenderingSpec& spec,
                                              const trace::Film& film);

}  // namespace sovren::jobs
