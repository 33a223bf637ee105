// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "jobs/kind/job_kind.h"
#include "workers/rank/options.h"

namespace sovren::workers {

/// Makes what the ranks run.
using KindMaker =
    std::function<Result<std::unique_ptr<jobs::JobKind>>(const JobSpec&, const jobs::Setting&)>;

/// Runs this process's rank of an attempt from start to end and returns its exit code: 0 the result
/// is durable, 85 stopped with a sealed set; else that of the error (docs/errors.md), which ends
/// all ranks: then it does not return.
int run_attempt(const Options& options, const KindMaker& make_kind = jobs::make_job_kind);

}  // namespace sovren::workers
