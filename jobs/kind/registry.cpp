// SPDX-License-Identifier: Apache-2.0
// The list of all job kinds. A new kind is one line here and one alternative of KindSpec.
#include <variant>

#include "jobs/causal/causal_kind.h"
#include "jobs/kind/job_kind.h"
#include "jobs/rendering/rendering_kind.h"
#include "jobs/training/training_kind.h"

namespace sovren::jobs {

namespace {

struct Maker {
  const JobSpec& job;
  const Setting& setting;

  Result<std::unique_ptr<JobKind>> operator()(const CausalSpec& spec) const {
    return make_causal_kind(job, spec, setting);
  }
  Result<std::unique_ptr<JobKind>> operator()(const TrainingSpec& spec) const {
    return make_training_kind(job, spec, setting);
  }
  Result<std::unique_ptr<JobKind>> operator()(const RenderingSpec& spec) const {
    return make_rendering_kind(job, spec, setting);
  }
  Result<std::unique_ptr<JobKind>> operator()(const CommandSpec&) const {
    return fail({.code = Code::mismatch,
                 .what = "a command is started by the agent itself, not by sovren-rank"});
  }
};

}  // namespace

Result<std::unique_ptr<JobKind>> make_job_kind(const JobSpec& spec, const Setting& setting) {
  return std::visit(Maker{spec, setting}, spec.kind);
}

}  // namespace sovren::jobs
