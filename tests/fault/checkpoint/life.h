// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "storage/file/system.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {

/// fsync does nothing: a killed process leaves its pages behind, and a power cut is modelled.
class UnsyncedSystem : public System {
 public:
  int fsync(int) override { return 0; }
};

/// As long as it lives, the process uses this system.
class Using {
 public:
  explicit Using(System& system) { replace_system_calls(&system); }
  Using(const Using&) = delete;
  Using& operator=(const Using&) = delete;
  ~Using() { replace_system_calls(nullptr); }
};

/// What a job does to its folder in one attempt: take over, restore, seal twice, prune. The newest
/// set before is of step 2, and a third one is damaged, so that quarantine has work too. sealed is
/// told each step that the job may count on from then on.
inline Result<void> live_one_attempt(const std::string& dir, int attempt,
                                     const std::function<void(std::int64_t)>& sealed) {
  SOVREN_TRY(store, CheckpointStore::open(dir));
  SOVREN_DO(store.raise_fence(JobId{1}, attempt));
  const auto comm = workers::make_self_communicator();
  std::vector<RejectedSet> rejected;
  SOVREN_TRY(restored, store.restore_newest(*comm, sample_header(0).facts, JobId{1}, rejected));
  std::int64_t step = restored ? restored->set.header.step : 0;
  for (int i = 0; i < 2; ++i) {
    ++step;
    SOVREN_DO(seal_sample(store, *comm, sample_header(step, attempt)));
    sealed(step);
    SOVREN_DO(store.prune({.keep = 2}, JobId{1}, attempt));
  }
  return {};
}

/// The folder that live_one_attempt() is told about.
inline void prepare_life(const std::string& dir) {
  for (const std::int64_t step : {1, 2, 3}) ASSERT_TRUE(seal_sample(dir, sample_header(step)));
  ASSERT_TRUE(remove_tree(dir + "/gen-000003/shard-00000.h5"));
}

/// Whatever happened: a set of at least this step is restored, whole, and the job can go on.
inline void expect_life_goes_on(const std::string& dir, std::int64_t step_min,
                                const std::string& when) {
  const auto restored = restore_sample(dir);
  ASSERT_TRUE(restored) << when << ": " << to_text(restored.error());
  ASSERT_TRUE(restored->result) << when;
  const std::int64_t step = restored->result->set.header.step;
  EXPECT_GE(step, step_min) << when;
  expect_state(*restored->result->reader, sample_state(step));
}

}  // namespace sovren::storage
