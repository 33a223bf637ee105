// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/pool_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <future>

#include "slurm/script/agent_script.h"

namespace sovren::slurm {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view down =
    "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n";

/// A site in memory: what its programs would say.
class FakeSite {
 public:
  struct SiteJob {
    std::string id, state = "PENDING", left = "1:00:00", reason = "None";
  };
  std::map<std::string, SiteJob> jobs;  ///< by name
  std::vector<std::string> calls;       ///< programs, in order
  std::vector<std::string> sbatch;      ///< the last one's words
  std::string script;
  std::string refusal;  ///< of sbatch
  bool is_down = false;
  bool loses_answers = false;  ///< of sbatch: it is taken, and nobody hears of it
  int last_id = 100;

  Result<SiteAnswer> operator()(const std::vector<std::string>& argv, const std::string& input) {
    calls.push_back(argv[0]);
    if (is_down) return SiteAnswer{.exit_code = 1, .errors = std::string(down)};
    if (argv[0] == "sbatch") return submit(argv, input);
    if (argv[0] == "squeue") return list(argv);
    for (auto& [name, job] : jobs)
      if (std::find(argv.begin(), argv.end(), job.id) != argv.end()) job.state = "CANCELLED";
    return SiteAnswer{};
  }

 private:
  static std::string value(const std::vector<std::string>& argv, const std::string& option) {
    for (const std::string& word : argv)
      if (word.starts_with(option + "=")) return word.substr(option.size() + 1);
    return "";
  }
  Result<SiteAnswer> submit(const std::vector<std::string>& argv, const std::string& input) {
    if (!refusal.empty()) return SiteAnswer{.exit_code = 1, .errors = refusal};
    sbatch = argv;
    script = input;
    const std::string id = std::to_string(++last_id);
    jobs[value(argv, "--job-name")] = {id};
    if (loses_answers) return fail({.code = Code::timed_out, .what = "sbatch has not answered"});
    return SiteAnswer{.output = id + ";cluster\n"};
  }
  Result<SiteAnswer> list(const std::vector<std::string>& argv) {
    const std::string names = "," + value(argv, "--name") + ",";
    SiteAnswer answer{.output = "a warning of a wrapper\n"};
    for (const auto& [name, job] : jobs)
      if (names.find("," + name + ",") != std::string::npos)
        answer.output +=
            job.id + "|" + job.state + "|" + job.left + "|" + name + "|" + job.reason + "\n";
    return answer;
  }
};

class PoolDriverTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string path = (std::filesystem::temp_directory_path() / "sovren-pools-XXXXXX").string();
    ASSERT_NE(::mkdtemp(path.data()), nullptr);
    dir_ = path;
    restart();
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  void restart() {
    driver_ = std::make_unique<PoolDriver>(
        [this](const std::vector<std::string>& argv, const std::string& input) {
          return site_(argv, input);
        },
        PoolDriverSettings{.place = {.state_dir = dir_, .nonce = "n0"}, .script = agent_script});
  }
  NodeWish wish(std::int64_t allocation = 1) const {
    return {.allocation = {allocation},
            .pool = {.name = "render",
                     .time_limit_s = 3601,
                     .cpus = 4,
                     .gpus = 2,
                     .memory_bytes = (std::int64_t{1} << 30) + 1,
                     .connect = "/s/sovren.sock",
                     .options = {"--account=physics"},
                     .setup = "module load mpi"}};
  }
  // What is new after one round, as text.
  std::vector<std::string> tick() {
    pause_s_ = driver_->tick();
    std::vector<std::string> texts;
    for (const PoolNews& news : driver_->poll()) {
      const std::string id = std::to_string(news.allocation.value) + " ";
      if (const auto* queued = std::get_if<WishQueued>(&news.what))
        texts.push_back(id + "queued as " + queued->site_job);
      if (const auto* started = std::get_if<WishStarted>(&news.what))
        texts.push_back(id + "started for " + std::to_string(std::lround(started->left_s)));
      if (const auto* refused = std::get_if<WishRefused>(&news.what))
        texts.push_back(id + "refused: " + refused->why);
      if (const auto* ended = std::get_if<WishEnded>(&news.what))
        texts.push_back(id + "ended: " + ended->why);
    }
    return texts;
  }
  FakeSite::SiteJob& job(std::int64_t allocation = 1) {
    return site_.jobs.at("sovren-render-" + std::to_string(allocation) + "-n0");
  }

  std::string dir_;
  FakeSite site_;
  std::unique_ptr<PoolDriver> driver_;
  double pause_s_ = 0;
};

TEST_F(PoolDriverTest, FollowsAnAllocationFromItsAskingToItsEnd) {
  EXPECT_THAT(tick(), IsEmpty());
  EXPECT_THAT(site_.calls, IsEmpty()) << "nothing is asked of a site for nothing";
  EXPECT_LT(pause_s_, 0);
  driver_->ask(wish());
  EXPECT_THAT(tick(), ElementsAre("1 queued as 101"));
  EXPECT_EQ(pause_s_, 2);
  EXPECT_THAT(tick(), IsEmpty());
  job().state = "CONFIGURING";
  EXPECT_THAT(tick(), IsEmpty());
  job().state = "RUNNING";
  job().left = "59:30";
  EXPECT_THAT(tick(), ElementsAre("1 started for 3570"));
  EXPECT_EQ(pause_s_, 10);
  EXPECT_THAT(tick(), IsEmpty());
  driver_->give_back({1});
  EXPECT_THAT(tick(), IsEmpty());
  EXPECT_THAT(tick(), ElementsAre("1 ended: CANCELLED"));
  site_.calls.clear();
  EXPECT_THAT(tick(), IsEmpty());
  EXPECT_THAT(site_.calls, IsEmpty());
}

TEST_F(PoolDriverTest, AsksOneQueryForAllAllocations) {
  for (int i = 1; i <= 50; ++i) driver_->ask(wish(i));
  EXPECT_EQ(tick().size(), 50U);
  site_.calls.clear();
  for (int i = 1; i <= 50; ++i) job(i).state = "RUNNING";
  EXPECT_EQ(tick().size(), 50U);
  EXPECT_THAT(site_.calls, ElementsAre("squeue"));
  for (int i = 1; i <= 50; ++i) driver_->give_back({i});
  site_.calls.clear();
  tick();
  EXPECT_THAT(site_.calls, ElementsAre("squeue", "scancel"));
  EXPECT_EQ(tick().size(), 50U);
}

TEST_F(PoolDriverTest, SaysToSbatchWhatThePoolSays) {
  driver_->ask(wish());
  tick();
  EXPECT_THAT(site_.sbatch,
              ElementsAre("sbatch", "--parsable", "--no-requeue", "--nodes=1", "--ntasks=1",
                          "--cpus-per-task=4", "--time=61", "--signal=B:TERM@15",
                          "--job-name=sovren-render-1-n0", "--comment=agent of sovren pool render",
                          "--chdir=/", "--output=" + dir_ + "/pools/render/1.log", "--gres=gpu:2",
                          "--mem=1025M", "--account=physics"));
  EXPECT_EQ(site_.script,
            "#!/bin/sh\n# The agent of allocation 1 of sovren pool render.\nmodule load mpi\n"
            "exec sovren worker --connect /s/sovren.sock --node render-1 --label pool=render "
            "--label allocation=1 --cpus 4 --gpus 2 --memory 1073741825B\n");
  EXPECT_TRUE(std::filesystem::is_directory(dir_ + "/pools/render"));
  NodeWish plain{.allocation = {7},
                 .pool = {.name = "p",
                          .connect = "https://h:1",
                          .token_file = "/t",
                          .ca_file = "/c a",
                          .certificate_file = "/d",
                          .program = "/opt/sovren"}};
  EXPECT_THAT(agent_script(plain),
              HasSubstr("exec /opt/sovren worker --connect https://h:1 --node p-7 --label pool=p "
                        "--label allocation=7 --cpus 1 --gpus 0 --token-file /t --ca '/c a' "
                        "--certificate /d\n"));
  EXPECT_THAT(pool_sbatch(plain, {"/100%", "n"}), Contains("--output=/100%%/pools/p/7.log"));
}

TEST_F(PoolDriverTest, AnAnswerThatGotLostIsLookedForBeforeItIsAskedAgain) {
  site_.loses_answers = true;
  driver_->ask(wish());
  EXPECT_THAT(tick(), IsEmpty());
  EXPECT_EQ(driver_->silence(), "sbatch has not answered");
  site_.loses_answers = false;
  EXPECT_THAT(tick(), ElementsAre("1 queued as 101"));
  EXPECT_EQ(driver_->silence(), "");
  EXPECT_EQ(site_.jobs.size(), 1U);
  EXPECT_EQ(site_.last_id, 101);
}

TEST_F(PoolDriverTest, AfterARestartFindsWhatWasAskedForAndAsksForWhatWasNot) {
  driver_->ask(wish(1));
  tick();
  job(1).state = "RUNNING";
  restart();
  for (const std::int64_t id : {1, 2}) {
    NodeWish again = wish(id);
    again.may_be_there = true;
    driver_->ask(again);
  }
  EXPECT_THAT(tick(), ElementsAre("1 queued as 101", "1 started for 3600", "2 queued as 102"));
  restart();
  NodeWish known = wish(1);
  known.site_job = "101";
  known.may_be_there = true;
  driver_->ask(known);
  EXPECT_THAT(tick(), ElementsAre("1 started for 3600"));
}

TEST_F(PoolDriverTest, PassesOnWhatTheSiteRefuses) {
  site_.refusal =
      "sbatch: error: Batch job submission failed: Invalid account or account/partition "
      "combination specified\n";
  driver_->ask(wish());
  EXPECT_THAT(tick(), ElementsAre("1 refused: Batch job submission failed: Invalid account or "
                                  "account/partition combination specified"));
  EXPECT_EQ(driver_->silence(), "");
  EXPECT_LT(pause_s_, 0) << "forgotten";
}

TEST_F(PoolDriverTest, LeavesASiteAloneThatDoesNotAnswer) {
  driver_->ask(wish(1));
  tick();
  site_.is_down = true;
  driver_->ask(wish(2));
  site_.calls.clear();
  for (const double pause_s : {4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 300.0, 300.0}) {
    EXPECT_THAT(tick(), IsEmpty());
    EXPECT_EQ(pause_s_, pause_s);
  }
  EXPECT_THAT(driver_->silence(), HasSubstr("Unable to contact slurm controller"));
  EXPECT_THAT(site_.calls, testing::Each("squeue"));
  site_.is_down = false;
  EXPECT_THAT(tick(), ElementsAre("2 queued as 102"));
  EXPECT_EQ(driver_->silence(), "");
  EXPECT_EQ(pause_s_, 2);
}

TEST_F(PoolDriverTest, BelievesTwoAnswersThatAnAllocationIsGone) {
  driver_->ask(wish());
  tick();
  const auto kept = site_.jobs;
  site_.jobs.clear();
  EXPECT_THAT(tick(), IsEmpty());
  site_.jobs = kept;
  EXPECT_THAT(tick(), IsEmpty());
  site_.jobs.clear();
  EXPECT_THAT(tick(), IsEmpty());
  EXPECT_THAT(tick(), ElementsAre("1 ended: the site does not know it any more"));
}

TEST_F(PoolDriverTest, WhatIsGivenBackEarlyIsNotAskedFor) {
  driver_->ask(wish(1));
  driver_->give_back({1});
  EXPECT_THAT(tick(), ElementsAre("1 ended: given back before it was asked for"));
  EXPECT_THAT(site_.calls, IsEmpty());
  NodeWish unsure = wish(2);
  unsure.may_be_there = true;
  driver_->ask(unsure);
  driver_->give_back({2});
  EXPECT_THAT(tick(), ElementsAre("2 ended: given back before it was asked for"));
  EXPECT_THAT(site_.calls, ElementsAre("squeue"));
  driver_->give_back({3});  // not known
  EXPECT_THAT(tick(), IsEmpty());
}

TEST_F(PoolDriverTest, TellsHowAnAllocationEnded) {
  driver_->ask(wish());
  tick();
  job().state = "RUNNING";
  job().left = "UNLIMITED";
  EXPECT_THAT(tick(), ElementsAre("1 started for 0"));
  job().state = "FAILED";
  job().reason = "NonZeroExitCode";
  EXPECT_THAT(tick(), ElementsAre("1 ended: FAILED (NonZeroExitCode), see " + dir_ +
                                  "/pools/render/1.log"));
}

TEST_F(PoolDriverTest, AnAllocationThatSomebodyRequeuedIsGivenBack) {
  driver_->ask(wish());
  tick();
  job().state = "RUNNING";
  tick();
  job().state = "PENDING";
  tick();
  EXPECT_THAT(tick(), ElementsAre("1 ended: CANCELLED"));
}

TEST_F(PoolDriverTest, WorksOnAThreadOfItsOwnAndCallsWhenThereIsNews) {
  std::promise<void> told;
  std::atomic<bool> is_told = false;
  driver_->start([&] {
    if (!is_told.exchange(true)) told.set_value();
  });
  driver_->ask(wish());
  told.get_future().get();
  EXPECT_EQ(driver_->poll(), (std::vector<PoolNews>{{{1}, WishQueued{"101"}}}));
  driver_.reset();
}

TEST(PoolRows, TimeLeftIsReadAsSlurmWritesIt) {
  EXPECT_EQ(read_time_left_s("0:07"), 7);
  EXPECT_EQ(read_time_left_s("59:48"), 3588);
  EXPECT_EQ(read_time_left_s("2:03:04"), 7384);
  EXPECT_EQ(read_time_left_s("1-02:03:04"), 93784);
  for (const char* text : {"UNLIMITED", "INVALID", "NOT_SET", "", "1:2:3:4", "-1", "1:", "x-1"})
    EXPECT_FALSE(read_time_left_s(text)) << text;
}

}  // namespace
}  // namespace sovren::slurm
