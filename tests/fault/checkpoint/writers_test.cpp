// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

class Writers : public CheckpointTest {};

template <class Body>
pid_t in_child(Body body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  return child;
}

int exit_code_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Writers, TwoAtOnceNeverMixTheirSets) {
  const auto seal_ten = [&] {
    for (std::int64_t step = 1; step <= 10; ++step)
      if (!seal_sample(dir_, sample_header(step))) return false;
    return true;
  };
  const pid_t a = in_child(seal_ten);
  const pid_t b = in_child(seal_ten);
  EXPECT_EQ(exit_code_of(a), 0);
  EXPECT_EQ(exit_code_of(b), 0);
  std::vector<RejectedSet> rejected;
  const auto sets = list_sets(dir_, rejected);
  ASSERT_TRUE(sets);
  EXPECT_EQ(sets->size(), 20U);
  EXPECT_TRUE(rejected.empty());
  for (const SetInfo& set : *sets) EXPECT_TRUE(verify_set(set.path)) << set.name;
}

TEST_F(Writers, AZombieThatGoesOnSealsNothingAfterTheFence) {
  auto heir = CheckpointStore::open(dir_);
  ASSERT_TRUE(heir);
  ASSERT_TRUE(heir->raise_fence(JobId{1}, 1));
  const pid_t zombie = in_child([&] {
    // Seals until it is refused, and only `fenced` is a good end.
    for (std::int64_t step = 1;; ++step)
      if (const auto sealed = seal_sample(dir_, sample_header(step, 1)); !sealed)
        return sealed.error().code == Code::fenced;
  });
  std::vector<RejectedSet> rejected;
  while (list_sets(dir_, rejected)->empty()) ::usleep(1000);
  ASSERT_TRUE(heir->raise_fence(JobId{1}, 2));
  const std::size_t count = list_sets(dir_, rejected)->size();
  EXPECT_EQ(exit_code_of(zombie), 0);
  EXPECT_EQ(list_sets(dir_, rejected)->size(), count) << "nothing was sealed behind the fence";
}

TEST_F(Writers, ATakeoverWhileTheOldAttemptStillRunsLosesNothing) {
  ASSERT_TRUE(seal_sample(dir_, sample_header(1, 1)));
  const pid_t old = in_child([&] {
    auto store = CheckpointStore::open(dir_);
    for (std::int64_t step = 2; store && step < 200; ++step) {
      if (!seal_sample(dir_, sample_header(step, 1))) return true;
      if (!store->prune({.keep = 2}, JobId{1}, 1)) return true;
    }
    return true;
  });
  auto heir = CheckpointStore::open(dir_);
  ASSERT_TRUE(heir->raise_fence(JobId{1}, 2));
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored) << to_text(restored.error());
  ASSERT_TRUE(restored->result);
  const std::int64_t step = restored->result->set.header.step;
  expect_state(*restored->result->reader, sample_state(step));
  ASSERT_TRUE(seal_sample(dir_, sample_header(step + 1, 2)));
  ASSERT_TRUE(heir->prune({.keep = 2}, JobId{1}, 2));
  EXPECT_EQ(exit_code_of(old), 0);
  const auto again = restore_sample(dir_);
  ASSERT_TRUE(again && again->result);
  EXPECT_EQ(again->result->set.header.attempt, 2);
}

}  // namespace
}  // namespace sovren::storage
