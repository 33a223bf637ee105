// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <iostream>
#include <random>

#include "tests/fault/checkpoint/disk_model.h"
#include "tests/fault/checkpoint/life.h"

namespace sovren::storage {
namespace {

class PowerCut : public CheckpointTest {};

/// At every moment of an attempt's life, several of the states that a power cut could leave: each
/// must give back a set that was sealed, whole, and never one older than what the job was told.
TEST_F(PowerCut, NeverLosesASealedSetNorAcceptsADamagedOne) {
  constexpr int states_per_moment = 18;
  prepare_life(dir_);
  UnsyncedSystem unsynced;
  DiskModel model(root_);
  std::mt19937_64 random(20'261'123);
  std::uniform_real_distribution<double> chance;
  std::int64_t sealed = 2;
  int states = 0;
  bool is_cutting = false;
  const std::string after = testing::TempDir() + "sovren-after-cut-" + std::to_string(::getpid());
  const auto cut_here = [&] {
    if (is_cutting || HasFailure()) return;
    is_cutting = true;
    for (int i = 0; i < states_per_moment; ++i, ++states) {
      // First the extremes: no name kept; all names kept with zeros in the files; with nothing.
      constexpr std::array extremes{0.0, 0.55, 0.9};
      const auto index = static_cast<std::size_t>(i);
      model.cut(after, [&] { return index < extremes.size() ? extremes[index] : chance(random); });
      replace_system_calls(&unsynced);
      expect_life_goes_on(after + "/checkpoints", sealed, "state " + std::to_string(states));
    }
    is_cutting = false;
  };
  {
    std::unique_ptr<RecordingSystem> system;
    const auto cut_and_record = [&] {
      cut_here();
      replace_system_calls(system.get());
    };
    system = std::make_unique<RecordingSystem>(root_, model, cut_and_record);
    const auto lived = live_one_attempt(dir_, 2, [&](std::int64_t step) { sealed = step; });
    EXPECT_TRUE(lived) << to_text(lived.error());
  }
  EXPECT_GT(states, 1000) << "moments were seen";
  std::cout << states << " states after a power cut\n";
  ASSERT_TRUE(remove_tree(after));
}

}  // namespace
}  // namespace sovren::storage
