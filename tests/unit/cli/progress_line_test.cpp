// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_line.h"

#include <gtest/gtest.h>

namespace sovren::cli {
namespace {

/// What stands on standard error after one update.
std::string line_of(const Progress& progress, std::optional<Instant> sealed_at, Instant now) {
  ProgressLine line("kjv", ProgressLine::Mode::lines);
  line.restart(Instant{});
  testing::internal::CaptureStderr();
  line.update(progress, sealed_at, now);
  return testing::internal::GetCapturedStderr();
}

TEST(ProgressLine, ShowsWhatIsWatchedOfATraining) {
  Progress progress;
  progress.phase = "training";
  progress.fraction = 0.25;
  progress.done = 5;
  progress.total = 20;
  progress.unit = "steps";
  progress.metrics = {{"training_loss", 2.34567},
                      {"training_tokens_per_second", 12'000},
                      {"training_validation_loss", 2.5},
                      {"training_flop_utilisation", 0.42}};
  const Instant now = Instant{} + 60.0;
  EXPECT_EQ(line_of(progress, Instant{} + 48.0, now),
            "kjv  training  25%  5/20 steps  loss 2.3457  12,000 tokens/s  checkpoint 12 s ago  "
            "validation 2.5000  MFU 42%\n");
}

TEST(ProgressLine, LeavesOutWhatIsNotMeasured) {
  Progress progress;
  progress.phase = "condition selection";
  progress.metrics = {{"tests_per_second", 1500}};
  EXPECT_EQ(line_of(progress, {}, Instant{} + 1.0),
            "kjv  condition selection  0%  1,500 tests/s\n");
}

}  // namespace
}  // namespace sovren::cli
