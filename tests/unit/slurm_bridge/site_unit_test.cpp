// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_unit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sovren::slurm {
namespace {

using testing::ElementsAre;

SiteJobs folded(const std::vector<SiteRecord>& records) {
  SiteJobs jobs;
  for (const SiteRecord& record : records) apply(jobs, record);
  return jobs;
}

SiteAsked asked(const std::string& nonce, std::int64_t tasks = 0) {
  return {.nonce = nonce, .name = nonce, .dir = "/" + nonce, .user = "ada", .array_tasks = tasks};
}

std::vector<std::string> ids_of(const SiteUnit& unit) {
  std::vector<std::string> ids;
  for (const SiteUnit::Link& link : unit.links) ids.push_back(site_id(link));
  return ids;
}

TEST(SiteUnits, AJobIsAllThatGoesOnWithIt) {
  const SiteJobs jobs = folded({
      {{1}, asked("a")},
      {{2}, SiteSubmitted{"a", "10"}},
      {{3}, SiteSeen{"10", no_task, {.state = "RUNNING", .restarts = 2}}},
      {{4}, SiteEnded{"10", no_task, {.state = "FAILED", .exit_code = 85}}},
      {{4}, SiteContinued{"10", "9"}},  // ids may be younger and smaller
      {{5}, SiteSeen{"9", no_task, {.state = "RUNNING", .restarts = 1}}},
  });
  const auto units = units_of(jobs);
  ASSERT_EQ(units.size(), 1U);
  EXPECT_THAT(ids_of(units[0]), ElementsAre("10", "9"));
  EXPECT_EQ(state_of(units[0]), "RUNNING");
  EXPECT_FALSE(has_ended(units[0]));
  EXPECT_EQ(restarts_of(units[0]), 4);
  EXPECT_TRUE(is_meant(units[0], "10"));
  EXPECT_TRUE(is_meant(units[0], "9"));
  EXPECT_FALSE(is_meant(units[0], "1"));
  EXPECT_FALSE(is_meant(units[0], ""));
}

TEST(SiteUnits, AnElementIsAUnitWithItsOwnContinuations) {
  const SiteJobs jobs = folded({
      {{1}, asked("a", 3)},
      {{2}, SiteSubmitted{"a", "7"}},
      {{3}, SiteEnded{"7", 1, {.state = "FAILED", .exit_code = 85}}},
      {{4}, SiteContinued{"7", "8", 1}},
      {{5}, SiteEnded{"8", no_task, {.state = "FAILED", .exit_code = 85}}},
      {{6}, SiteContinued{"8", "9", 1}},
      {{7}, SiteEnded{"9", no_task, {.state = "COMPLETED"}}},
  });
  const auto units = units_of(jobs);
  ASSERT_EQ(units.size(), 3U);
  EXPECT_THAT(ids_of(units[0]), ElementsAre("7_0"));
  EXPECT_THAT(ids_of(units[1]), ElementsAre("7_1", "8_1", "9_1"));
  EXPECT_EQ(state_of(units[0]), "PENDING");
  EXPECT_EQ(state_of(units[1]), "COMPLETED");
  EXPECT_TRUE(is_meant(units[1], "8_1"));
  EXPECT_TRUE(is_meant(units[2], "7"));
  EXPECT_FALSE(is_meant(units[2], "8"));
}

TEST(SiteUnits, AreInTheOrderOfSubmission) {
  const SiteJobs jobs = folded({{{3}, asked("c")},
                                {{4}, SiteSubmitted{"c", "2"}},
                                {{1}, asked("a")},
                                {{2}, asked("b")},
                                {{5}, SiteSubmitted{"a", "11"}}});
  std::vector<std::string> names;
  for (const SiteUnit& unit : units_of(jobs)) names.push_back(unit.root->name);
  EXPECT_THAT(names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(site_id(units_of(jobs)[1].newest()), "");  // not answered
}

TEST(SiteUnits, StatesThatMeanNothingToUsKeepTheirText) {
  const auto state = [](const std::string& text) {
    const SiteJobs jobs = folded({{{1}, asked("a")},
                                  {{2}, SiteSubmitted{"a", "7"}},
                                  {{3}, SiteSeen{"7", no_task, {.state = text}}}});
    return state_of(units_of(jobs)[0]);
  };
  EXPECT_EQ(state("CONFIGURING"), "RUNNING");
  EXPECT_EQ(state("DREAMING"), "DREAMING");
  EXPECT_EQ(state(std::string(not_listed)), "NOT_LISTED");
}

// A ledger that was tampered with: jobs that go on with one another in a circle.
TEST(SiteUnits, ACircleEnds) {
  SiteJobs jobs = folded({{{1}, asked("a")}, {{2}, SiteSubmitted{"a", "7"}}});
  jobs.jobs["8"] = {.site_job = "8", .continues = "7"};
  jobs.jobs["9"] = {.site_job = "9", .submitted_at = {9}, .continues = "8"};
  jobs.jobs["8b"] = {.site_job = "8", .submitted_at = {9}, .continues = "9"};
  EXPECT_GE(units_of(jobs).at(0).links.size(), 3U);
}

}  // namespace
}  // namespace sovren::slurm
