// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_state.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace sovren::slurm {
namespace {

struct Case {
  const char* text;
  std::optional<JobState> state;
  bool is_final = false;
  bool may_come_back = false;
};

TEST(SiteState, EachOfSlurmsIsKnown) {
  const Case cases[] = {
      {"PENDING", JobState::pending},
      {"PD", JobState::pending},
      {"RUNNING", JobState::running},
      {"R", JobState::running},
      {"SUSPENDED", JobState::suspended},
      {"S", JobState::suspended},
      {"COMPLETED", JobState::completed, true},
      {"CD", JobState::completed, true},
      {"CANCELLED", JobState::cancelled, true},
      {"CA", JobState::cancelled, true},
      {"FAILED", JobState::failed, true},
      {"F", JobState::failed, true},
      {"TIMEOUT", JobState::timeout, true},
      {"TO", JobState::timeout, true},
      {"NODE_FAIL", JobState::node_fail, true, true},
      {"NF", JobState::node_fail, true, true},
      {"PREEMPTED", JobState::preempted, true, true},
      {"PR", JobState::preempted, true, true},
      {"BOOT_FAIL", JobState::node_fail, true, true},
      {"BF", JobState::node_fail, true, true},
      {"DEADLINE", JobState::timeout, true},
      {"DL", JobState::timeout, true},
      {"OUT_OF_MEMORY", JobState::out_of_memory, true},
      {"OOM", JobState::out_of_memory, true},
      {"CONFIGURING", JobState::running},
      {"CF", JobState::running},
      {"POWER_UP_NODE", JobState::running},
      {"RESIZING", JobState::running},
      {"RS", JobState::running},
      {"SIGNALING", JobState::running},
      {"SI", JobState::running},
      {"STOPPED", JobState::suspended},
      {"ST", JobState::suspended},
      {"COMPLETING", JobState::completing},
      {"CG", JobState::completing},
      {"STAGE_OUT", JobState::completing},
      {"SO", JobState::completing},
      {"REQUEUED", JobState::pending},
      {"RQ", JobState::pending},
      {"REQUEUE_FED", JobState::pending},
      {"RF", JobState::pending},
      {"REQUEUE_HOLD", JobState::pending},
      {"RH", JobState::pending},
      {"SPECIAL_EXIT", JobState::pending},
      {"SE", JobState::pending},
      {"RESV_DEL_HOLD", JobState::pending},
      {"RD", JobState::pending},
      {"EXPEDITING", JobState::pending},
      {"REVOKED", JobState::pending},
      {"RV", JobState::pending},
      {"LAUNCH_FAILED", JobState::pending},
      {"RECONFIG_FAIL", JobState::running},
      {"UPDATE_DB", JobState::running},
  };
  std::size_t long_names = 0;
  for (const Case& each : cases) {
    EXPECT_EQ(site_state(each.text), (SiteState{each.state, each.is_final, each.may_come_back}))
        << each.text;
    for (const std::string_view name : known_site_states()) long_names += name == each.text;
  }
  EXPECT_EQ(long_names, known_site_states().size()) << "a state without a case here";
}

TEST(SiteState, WhatFollowsTheNameAndFlagsAreUnderstood) {
  const Case cases[] = {
      {"CANCELLED by 1000", JobState::cancelled, true},
      {"CANCELLED+", JobState::cancelled, true},
      {"OUT_OF_ME+", JobState::out_of_memory, true},
      {"COMPLETI+", JobState::completing},
      {"REQUEUE+", std::nullopt},  // of three
      {"COMPLETED+COMPLETING", JobState::completing},
      {"COMPLETING,COMPLETED", JobState::completing},
      {"RUNNING+CONFIGURING", JobState::running},
      {"RUNNING+STOPPED", JobState::suspended},
      {"NODE_FAIL+COMPLETING+REQUEUED", JobState::pending},
      {"PREEMPTED,REQUEUED", JobState::pending},
      {"PENDING+SPECIAL_EXIT", JobState::pending},
      {"FAILED+LAUNCH_FAILED", JobState::failed, true},
      {"FAILED+UPDATE_DB", JobState::failed, true},
      {"NODE_FAIL+RECONFIG_FAIL", JobState::node_fail, true, true},
  };
  for (const Case& each : cases)
    EXPECT_EQ(site_state(each.text), (SiteState{each.state, each.is_final, each.may_come_back}))
        << each.text;
}

TEST(SiteState, WhatIsNotKnownIsNotFinal) {
  for (const char* text : {"", " ", "+", "DREAMING", "DREAMING by 7", "COMPLETED+DREAMING",
                           "completed", "X", "COMPLETEDLY", "\xff\xfe", "CANCELLED++", "17"})
    EXPECT_EQ(site_state(text), SiteState{}) << text;
}

TEST(SiteState, NoTextCrashes) {
  std::mt19937_64 random(1);
  const auto names = known_site_states();
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (auto parts = random() % 4; parts > 0; --parts) {
      if (random() % 2 == 0)
        text += names[random() % names.size()];
      else
        text += static_cast<char>(random() % 256);
      if (random() % 2 == 0) text += "+, "[random() % 3];
    }
    const SiteState state = site_state(text);
    EXPECT_TRUE(state.state || !state.is_final) << text;
  }
}

}  // namespace
}  // namespace sovren::slurm
