// SPDX-License-Identifier: Apache-2.0
#include "cli/admission.h"

#include "core/text/job_file.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/set_folder.h"

namespace sovren::cli {
namespace {

// Sealed sets of other facts hold work that a new job in this folder would in the end delete.
Result<void> refuse_other_facts(const SpecFacts& facts, JobId oldest,
                                const std::string& checkpoints_dir) {
  std::vector<storage::RejectedSet> unreadable;
  SOVREN_TRY(sets, storage::list_sets(checkpoints_dir, unreadable));
  for (const storage::SetInfo& set : sets) {
    if (set.header.job < oldest) continue;
    const auto differences = storage::difference(set.header.facts, facts);
    if (differences.empty()) return {};
    std::string what = "the folder holds checkpoints of another job; it differs in";
    for (const std::string& difference : differences) what += "\n    " + difference;
    return fail({.code = Code::mismatch,
                 .what = std::move(what),
                 .hint = "--fresh drops them and starts from the beginning; --dir DIR keeps them "
                         "and works elsewhere",
                 .where = set.path});
  }
  return {};
}

// Have attempts that this log does not know worked in the folder? Then it is that of a machine that
// the job has left since, and what it says of its last job is out of date.
Result<bool> is_outrun(const Job& last, const std::string& checkpoints_dir) {
  SOVREN_TRY(latest, storage::latest_job(checkpoints_dir));
  SOVREN_TRY(fence, storage::read_fence(checkpoints_dir));
  return latest > last.id || (fence.job == last.id && fence.attempt > last.attempts);
}

}  // namespace

Result<Admission> admit(const State& state, const RunRequest& request,
                        const std::string& facts_digest, const std::string& checkpoints_dir) {
  const Job* last = state.jobs.empty() ? nullptr : &state.jobs.rbegin()->second;
  const bool is_unfinished = last != nullptr && !is_final(last->state);
  Admission admission;
  if (is_unfinished) admission.supersede = last->id;
  if (last != nullptr) {
    SOVREN_TRY(outrun, is_outrun(*last, checkpoints_dir));
    if (outrun) last = nullptr;
  }
  if (request.start == RunRequest::Start::fresh) return admission;
  if (last != nullptr && last->state == JobState::completed) return admission;

  // Without a log there may still be checkpoints: the folder was copied, or its log was lost.
  const JobId oldest = last == nullptr ? JobId{1} : last->oldest_set_job;
  SOVREN_DO(refuse_other_facts(request.facts, oldest, checkpoints_dir));
  admission.oldest_set_job = oldest;
  if (is_unfinished && last != nullptr && last->spec_digest == facts_digest &&
      text::print_job_file(*last->spec) == text::print_job_file(request.spec)) {
    admission.resume = last->id;
    admission.supersede.reset();
  }
  return admission;
}

}  // namespace sovren::cli
