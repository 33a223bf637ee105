// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double hour_s = 3600;
constexpr double noon_s = 1'800'000'000;  // a full hour

/// Given oldest first, as they are sealed; returned newest first.
std::vector<KeptSet> sealed(std::vector<KeptSet> sets) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    sets[i].step = static_cast<std::int64_t>(i) + 1;
    if (sets[i].name.empty()) sets[i].name = std::to_string(i + 1);
  }
  std::reverse(sets.begin(), sets.end());
  return sets;
}

std::vector<KeptSet> at_hours(const std::vector<double>& hours) {
  std::vector<KeptSet> sets;
  for (const double hour : hours)
    sets.push_back({.sealed_at_s = hour == 0 ? 0 : noon_s + hour * hour_s});
  return sealed(std::move(sets));
}

std::vector<KeptSet> of_losses(const std::vector<double>& losses) {
  std::vector<KeptSet> sets;
  for (const double loss : losses) sets.push_back({.metrics = {{"loss", loss}}});
  return sealed(std::move(sets));
}

TEST(Retention, KeepsTheNewestWholeOnesAndAtLeastOne) {
  std::vector<KeptSet> sets = sealed(std::vector<KeptSet>(5));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 2}), ElementsAre("1", "2", "3"));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 0}), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 5}), IsEmpty());
  EXPECT_THAT(sets_to_delete({}, {.keep = 1}), IsEmpty());
  sets[0].is_whole = false;
  sets[3].is_whole = false;
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1}), ElementsAre("1", "3"))
      << "damaged ones neither count nor go";
}

TEST(Retention, KeepsTheNewestOfEachHour) {
  // Sets       1    2    3    4    5    6    7    8
  const auto sets = at_hours({1.1, 1.9, 2.0, 2.5, 9.1, 9.2, 9.3, 10.2});
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .keep_hourly = 3}),
              ElementsAre("1", "2", "3", "5", "6"))
      << "hours 10, 9 and 2: hours without a set do not count";
  EXPECT_THAT(sets_to_delete(sets, {.keep = 2, .keep_hourly = 1}),
              ElementsAre("1", "2", "3", "4", "5", "6"));
}

TEST(Retention, AClockThatJumpsLosesNothing) {
  const auto ahead = at_hours({1.5, 2.5, 500'000.5, 3.5, 4.5});
  EXPECT_THAT(sets_to_delete(ahead, {.keep = 1, .keep_hourly = 2}), ElementsAre("1", "2", "3"))
      << "one from the future is not the newest: it goes in its turn";
  EXPECT_THAT(sets_to_delete(ahead, {.keep = 1, .keep_hourly = 5}), IsEmpty());
  const auto back = at_hours({5.5, 6.5, 1.2, 1.4});
  EXPECT_THAT(sets_to_delete(back, {.keep = 1, .keep_hourly = 2}), ElementsAre("1", "3"));
}

TEST(Retention, ASetOfUnknownTimeIsOfNoHour) {
  auto sets = at_hours({1.5, 0, 0, 2.5});
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .keep_hourly = 2}), ElementsAre("2", "3"));
  sets[0].sealed_at_s = std::numeric_limits<double>::quiet_NaN();
  sets[1].sealed_at_s = -7;
  sets[2].sealed_at_s = std::numeric_limits<double>::infinity();
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .keep_hourly = 9}), ElementsAre("2", "3"));
}

TEST(Retention, KeepsTheBestAndOfEqualsTheOldest) {
  const auto sets = of_losses({3, 1, 1, 4, 2});
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "loss"}), ElementsAre("1", "3", "4"));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "loss", .best_is_highest = true}),
              ElementsAre("1", "2", "3"));
}

TEST(Retention, WhatIsNoNumberIsNotCompared) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  constexpr double inf = std::numeric_limits<double>::infinity();
  auto sets = of_losses({nan, 5, -inf, 7, nan});
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "loss"}), ElementsAre("1", "3", "4"));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "loss", .best_is_highest = true}),
              ElementsAre("1", "2", "3"));
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "other"}),
              ElementsAre("1", "2", "3", "4"));
  sets[3].is_whole = false;  // 5
  EXPECT_THAT(sets_to_delete(sets, {.keep = 1, .best_metric = "loss"}), ElementsAre("1", "3"));
  EXPECT_THAT(sets_to_delete(of_losses({nan, nan}), {.keep = 1, .best_metric = "loss"}),
              ElementsAre("1"));
}

/// The rules said in another way, for random histories: every set that goes has at least `keep`
/// whole ones after it, is not better than all that stay, and its hour has a newer one or is past.
TEST(Retention, HoldsForRandomHistories) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::vector<KeptSet> sets;
    for (int i = static_cast<int>(random() % 12); i > 0; --i)
      sets.push_back({.sealed_at_s = random() % 5 == 0 ? 0 : noon_s + (random() % 40) * hour_s / 4,
                      .metrics = {{"m", static_cast<double>(random() % 4)}},
                      .is_whole = random() % 4 != 0});
    sets = sealed(std::move(sets));
    const Retention rules{.keep = static_cast<int>(random() % 4),
                          .keep_hourly = static_cast<int>(random() % 4),
                          .best_metric = random() % 2 == 0 ? "m" : "",
                          .best_is_highest = random() % 2 == 0};
    const auto doomed = sets_to_delete(sets, rules);
    const auto goes = [&](const KeptSet& set) {
      return std::find(doomed.begin(), doomed.end(), set.name) != doomed.end();
    };
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (!goes(sets[i])) continue;
      ASSERT_TRUE(sets[i].is_whole);
      std::set<double> newer_hours;
      int newer = 0;
      bool is_outdone = rules.best_metric.empty();
      for (std::size_t k = 0; k < sets.size(); ++k) {
        if (!sets[k].is_whole || k == i) continue;
        newer += k < i ? 1 : 0;
        if (k < i && sets[k].sealed_at_s > 0)
          newer_hours.insert(std::floor(sets[k].sealed_at_s / hour_s));
        const double here = sets[i].metrics.at("m");
        const double there = sets[k].metrics.at("m");
        if (!goes(sets[k]) && (rules.best_is_highest ? there >= here : there <= here))
          is_outdone = true;
      }
      ASSERT_GE(newer, std::max(rules.keep, 1));
      ASSERT_TRUE(is_outdone);
      ASSERT_TRUE(sets[i].sealed_at_s == 0 || std::ssize(newer_hours) >= rules.keep_hourly ||
                  newer_hours.contains(std::floor(sets[i].sealed_at_s / hour_s)));
    }
  }
}

class Prune : public CheckpointTest {
 protected:
  void seal(std::int64_t step, double loss, double sealed_at_s = 0,
            const std::string& alpha = "0.05") {
    SetHeader header = sample_header(step);
    header.metrics["loss"] = loss;
    header.sealed_at_s = sealed_at_s;
    header.facts["sample.alpha"] = alpha;
    ASSERT_TRUE(seal_sample(dir_, header));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> sets;
    const auto all = list_directory(dir_);
    for (const std::string& name : *all)
      if (name.starts_with("gen-")) sets.push_back(name);
    return sets;
  }
  void damage(const std::string& name) const {
    auto bytes = read_file(dir_ + "/" + name + "/shard-00000.h5");
    ASSERT_TRUE(bytes);
    bytes->back() = static_cast<char>(bytes->back() ^ 1);
    ASSERT_TRUE(write_file_atomic(dir_ + "/" + name + "/shard-00000.h5", *bytes));
  }
};

TEST_F(Prune, FollowsTheManifests) {
  seal(1, 0.5, noon_s + 10);
  seal(2, 0.1, noon_s + 20);
  seal(3, 0.3, noon_s + 30);
  seal(4, 0.4, noon_s + hour_s);
  seal(5, 0.6, noon_s + hour_s + 1);
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 1, .keep_hourly = 2, .best_metric = "loss"}, JobId{1}, 1));
  EXPECT_THAT(names(), ElementsAre("gen-000002", "gen-000003", "gen-000005"));
}

TEST_F(Prune, TheBestOfAJobOfOtherFactsIsNotTheBestOfThisOne) {
  seal(1, 0.1, 0, "0.01");
  seal(2, 0.2);
  seal(3, 0.3);
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 1, .best_metric = "loss"}, JobId{1}, 1));
  EXPECT_THAT(names(), ElementsAre("gen-000002", "gen-000003"));
}

TEST_F(Prune, TheOldGoOnlyWhenNewerOnesVerify) {
  for (std::int64_t step = 1; step <= 4; ++step) seal(step, 0);
  damage("gen-000004");
  damage("gen-000003");
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
  EXPECT_THAT(names(), ElementsAre("gen-000002", "gen-000003", "gen-000004"))
      << "2 is the newest that can be restored";
  const auto restored = restore_sample(dir_);
  ASSERT_TRUE(restored && restored->result);
  EXPECT_EQ(restored->result->set.header.step, 2);
}

TEST_F(Prune, NothingGoesWhenNothingVerifies) {
  for (std::int64_t step = 1; step <= 3; ++step) {
    seal(step, 0);
    damage("gen-00000" + std::to_string(step));
  }
  auto store = CheckpointStore::open(dir_);
  ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
  EXPECT_EQ(names().size(), 3U);
}

TEST_F(Prune, WhatThisStoreSealedIsNotReadAgain) {
  seal(1, 0);
  seal(2, 0);
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  for (const std::int64_t step : {3, 4})
    ASSERT_TRUE(store->seal(*comm, sample_header(step), [&](StateWriter& writer) {
      return put_share(writer, sample_state(step), 0, 1);
    }));
  // Seen only by reading, which prune does not do here: a job that runs pays nothing for it.
  damage("gen-000003");
  ASSERT_TRUE(store->prune({.keep = 2}, JobId{1}, 1));
  EXPECT_THAT(names(), ElementsAre("gen-000003", "gen-000004"));
}

TEST_F(Prune, WhatWasRestoredIsNotReadAgain) {
  for (std::int64_t step = 1; step <= 3; ++step) seal(step, 0);
  auto store = CheckpointStore::open(dir_);
  const auto comm = workers::make_self_communicator();
  std::vector<RejectedSet> rejected;
  ASSERT_TRUE(store->restore_newest(*comm, sample_header(1).facts, JobId{1}, rejected));
  damage("gen-000003");
  ASSERT_TRUE(store->prune({.keep = 1}, JobId{1}, 1));
  EXPECT_THAT(names(), ElementsAre("gen-000003"));
}

}  // namespace
}  // namespace sovren::storage
