// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/run_log.h"

#include <gtest/gtest.h>

#include <cmath>

#include "jobs/kind/memory_state.h"

namespace sovren::jobs {
namespace {

RunLog restored(const RunLog& log) {
  MemoryState state;
  EXPECT_TRUE(put_run_log(state, log));
  const auto read = get_run_log(state);
  EXPECT_TRUE(read) << to_text(read.error());
  return *read;
}

TEST(RunLog, ComesBackAsItWas) {
  RunLog log;
  log.job_steps = 17;
  log.updates = 2;
  log.steps = {{.step = 0,
                .tokens = 64,
                .train_loss = 5.5,
                .val_loss = 5.25,
                .learning_rate = 0.1,
                .grad_norm = 3,
                .tokens_per_s = 1000},
               {.step = 1,
                .tokens = 128,
                .train_loss = std::nan(""),
                .val_loss = std::nan(""),
                .learning_rate = 0.2,
                .grad_norm = INFINITY,
                .tokens_per_s = 1001,
                .is_skipped = true},
               {.step = 2, .tokens = 192, .train_loss = 4, .tokens_per_s = 1002}};
  log.samples = {{1, "first"}, {2, ""}, {3, std::string("th\0ird", 6)}};
  log.losses = {1, 2.5};
  log.is_evaluating = true;
  log.evaluated = {7};
  const RunLog read = restored(log);
  EXPECT_EQ(read.job_steps, 17);
  EXPECT_EQ(read.updates, 2);
  ASSERT_EQ(read.steps.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    const StepRecord &got = read.steps[i], &want = log.steps[i];
    EXPECT_EQ(got.step, want.step);
    EXPECT_EQ(got.tokens, want.tokens);
    EXPECT_EQ(got.learning_rate, want.learning_rate);
    EXPECT_EQ(got.grad_norm, want.grad_norm);
    EXPECT_EQ(got.tokens_per_s, want.tokens_per_s);
    EXPECT_EQ(got.is_skipped, want.is_skipped);
    EXPECT_EQ(got.val_loss.has_value(), want.val_loss.has_value());
  }
  EXPECT_EQ(read.steps[0].val_loss, 5.25);
  EXPECT_TRUE(std::isnan(*read.steps[1].val_loss) && std::isnan(read.steps[1].train_loss));
  ASSERT_EQ(read.samples.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(read.samples[i].step, log.samples[i].step);
    EXPECT_EQ(read.samples[i].text, log.samples[i].text);
  }
  EXPECT_EQ(read.losses, log.losses);
  EXPECT_TRUE(read.is_evaluating);
  EXPECT_EQ(read.evaluated, log.evaluated);
}

TEST(RunLog, OfTheBeginningIsEmpty) {
  const RunLog read = restored({});
  EXPECT_EQ(read.job_steps, 0);
  EXPECT_TRUE(read.steps.empty() && read.samples.empty() && read.losses.empty() &&
              read.evaluated.empty());
  EXPECT_FALSE(read.is_evaluating);
}

TEST(RunLog, RefusesWhatDoesNotFitTogether) {
  MemoryState no_sense;
  ASSERT_TRUE(no_sense.put_all<std::int64_t>("run/position",
                                             std::vector<std::int64_t>{1, 1, -1, 0, 0, 0, 0, 0}));
  EXPECT_EQ(get_run_log(no_sense).error().code, Code::storage_corrupt);
  MemoryState too_short;
  ASSERT_TRUE(too_short.put_all<std::int64_t>("run/position",
                                              std::vector<std::int64_t>{1, 0, 0, 0, 0, 3, 0, 0}));
  ASSERT_TRUE(too_short.put_all<double>("run/losses", std::vector<double>{1, 2}));
  EXPECT_EQ(get_run_log(too_short).error().code, Code::storage_corrupt);
}

}  // namespace
}  // namespace sovren::jobs
