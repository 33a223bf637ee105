// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "tests/fault/model/crash_search.h"
#include "tests/fault/model/hooked_system.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {

/// What a job does to its folder in one attempt: take over, restore, seal twice, prune. The newest
/// set before is of step 2, and a third one is damaged, so that quarantine has work too. sealed is
/// told each step that the job may count on from then on.
inline Result<void> live_one_attempt(const std::string& dir, int attempt, Communicator& comm,
                                     const std::function<void(std::int64_t)>& sealed,
                                     const StoreSetting& setting = {}) {
  SOVREN_TRY(store, CheckpointStore::open(dir, setting));
  if (comm.rank() == 0) SOVREN_DO(store.raise_fence(JobId{1}, attempt));
  std::vector<RejectedSet> rejected;
  SOVREN_TRY(restored, store.restore_newest(comm, sample_header(0).facts, JobId{1}, rejected));
  std::int64_t step = restored ? restored->set.header.step : 0;
  for (int i = 0; i < 2; ++i) {
    ++step;
    SOVREN_DO(seal_sample(store, comm, sample_header(step, attempt)));
    if (comm.rank() != 0) continue;
    sealed(step);
    SOVREN_DO(store.prune({.keep = 2}, JobId{1}, attempt));
  }
  return {};
}

inline Result<void> live_one_attempt(const std::string& dir, int attempt,
                                     const std::function<void(std::int64_t)>& sealed) {
  return live_one_attempt(dir, attempt, *workers::make_self_communicator(), sealed);
}

/// The folder that live_one_attempt() is told about.
inline Result<void> prepare_life(const std::string& dir) {
  for (const std::int64_t step : {1, 2, 3}) SOVREN_DO(seal_sample(dir, sample_header(step)));
  return remove_tree(dir + "/gen-000003/shard-00000.h5");
}

/// Whether every array is that of the sample state.
inline bool holds_state(StateReader& reader, const std::vector<SampleArray>& state) {
  for (const SampleArray& array : state) {
    const auto info = reader.info(array.info.name);
    if (!info || info->shape != array.info.shape || info->dtype != array.info.dtype) return false;
    std::vector<std::byte> bytes(array.bytes.size());
    if (!reader.get(array.info.name, array.info.dtype, Rows{0, array.info.shape[0]}, bytes) ||
        bytes != array.bytes)
      return false;
  }
  return true;
}

/// Whatever happened: a set of a step from step_min to step_max is restored, whole.
inline Finding restore_in(const std::string& dir, std::int64_t step_min, std::int64_t step_max,
                          const StoreSetting& setting = {}) {
  auto store = CheckpointStore::open(dir, setting);
  if (!store) return {Verdict::nothing, to_text(store.error())};
  std::vector<RejectedSet> rejected;
  const auto restored = store->restore_newest(*workers::make_self_communicator(),
                                              sample_header(0).facts, JobId{1}, rejected);
  if (!restored) return {Verdict::nothing, to_text(restored.error())};
  if (!*restored) return {Verdict::nothing, "there is no set"};
  const std::int64_t step = (*restored)->set.header.step;
  const std::string what = "step " + std::to_string(step) + " was restored";
  if (!holds_state(*(*restored)->reader, sample_state(step)))
    return {Verdict::wrong, what + ", and is not what was sealed"};
  if (step < step_min) return {Verdict::lost, what + ", not " + std::to_string(step_min)};
  if (step > step_max) return {Verdict::lost, what + ", above " + std::to_string(step_max)};
  return {};
}

inline void expect_life_goes_on(const std::string& dir, std::int64_t step_min,
                                const std::string& when) {
  const Finding finding = restore_in(dir, step_min, INT64_MAX);
  ASSERT_EQ(finding.verdict, Verdict::good) << when << ": " << finding.why;
}

}  // namespace sovren::storage
