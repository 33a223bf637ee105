// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/follower.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "slurm/bridge/chain.h"
#include "slurm/bridge/job_folder.h"

namespace sovren::slurm {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct VirtualClock final : Clock {
  Instant at{1'000'000};
  Instant skew{};
  Instant now() override { return {at.ms + skew.ms}; }
  Instant steady() override { return at; }
};

// A site that answers as told.
struct FakeSite {
  struct Job {
    std::string state = "PENDING";
    int restarts = 0;
    int status = 0;  // as wait() gives it
    std::string reason = "None";
    std::string nodes, comment;
  };
  std::map<std::string, Job> queue;               // by "12", "12_3", "12_[4-9]"
  std::map<std::string, std::string> accounting;  // "COMPLETED|0:0|n1", by the same
  bool has_accounting = false;
  bool has_fields = true, has_format = true;
  std::optional<Result<SiteAnswer>> squeue_says;
  std::optional<Result<SiteAnswer>> sacct_says;
  std::vector<std::string> asked;  // first word and form of each call
  std::vector<std::string> last_words;

  Result<SiteAnswer> answer(const std::vector<std::string>& words) {
    last_words = words;
    asked.push_back(words[0] + form_of(words));
    if (words[0] == "squeue") {
      if (squeue_says) return *squeue_says;
      return SiteAnswer{.exit_code = 0, .output = squeue(form_of(words)), .errors = {}};
    }
    if (sacct_says) return *sacct_says;
    if (!has_accounting) return SiteAnswer{1, "", "Slurm accounting storage is disabled\n"};
    std::string out;
    for (const auto& [id, line] : accounting) out += id + "|" + line + "\n";
    return SiteAnswer{.exit_code = 0, .output = out, .errors = {}};
  }

  static std::string form_of(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
      if (word.starts_with("--Format=")) return " fields";
      if (word == "--json") return " json";
    }
    return words[0] == "squeue" ? " format" : "";
  }

  std::string squeue(const std::string& form) const {
    std::string out = form == " json" ? R"({"meta":{},"errors":[],"jobs":[)" : "";
    bool is_first = true;
    for (const auto& [id, job] : queue) {
      if (form == " fields" && has_fields)
        out += id + "|" + job.state + "|" + std::to_string(job.restarts) + "|" +
               std::to_string(job.status) + "|" + job.reason + "|" + job.nodes + "|" + job.comment +
               "|\n";
      else if (form == " fields")
        out += id + "                  " + job.state + "\n";  // knows no suffixes
      else if (form == " format" && has_format)
        out +=
            id + "|" + job.state + "|" + job.reason + "|" + job.nodes + "|" + job.comment + "|\n";
      else if (form == " format")
        out += id + " " + job.state + "\n";
      else
        out += std::string(is_first ? "" : ",") + R"({"job_id":)" + id + R"(,"job_state":[")" +
               job.state + R"("],"restart_cnt":)" + std::to_string(job.restarts) + "}";
      is_first = false;
    }
    return out + (form == " json" ? "]}" : "");
  }
};

class FollowerTest : public testing::Test {
 protected:
  FollowerTest() {
    std::string pattern = (fs::temp_directory_path() / "sovren-follow-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    ledger_ = std::make_unique<Ledger>(*Ledger::open((folder_ / "jobs.jsonl").string()));
    restart();
  }
  ~FollowerTest() override { fs::remove_all(folder_); }

  // A new process of ours.
  void restart() {
    ledger_ = std::make_unique<Ledger>(*Ledger::open((folder_ / "jobs.jsonl").string()));
    follower_ = std::make_unique<Follower>(
        *ledger_, [this](const auto& words, const std::string&) { return site_.answer(words); },
        clock_);
  }
  std::string dir(const std::string& nonce) const { return (folder_ / nonce).string(); }
  void submit(const std::string& nonce, const std::string& site_job, std::int64_t tasks = 0) {
    ASSERT_TRUE(ledger_->ask({.nonce = nonce,
                              .name = "drivers",
                              .dir = dir(nonce),
                              .job_file = "/job.toml",
                              .user = "ada",
                              .array_tasks = tasks},
                             clock_.now()));
    if (site_job.empty()) return;
    ASSERT_TRUE(ledger_->append({clock_.now(), SiteSubmitted{nonce, site_job}}));
  }
  FollowerTick tick(double after_s = 10) {
    clock_.at = clock_.at + after_s;
    auto done = follower_->tick();
    EXPECT_TRUE(done) << to_text(done.error());
    return done ? *done : FollowerTick{};
  }
  const SiteJob& job(const std::string& id) const { return ledger_->jobs().jobs.at(id); }
  const SiteTask& task(const std::string& id, std::int64_t number = no_task) const {
    return job(id).tasks.at(number);
  }
  void allocation(const std::string& nonce, const std::string& site_job,
                  std::optional<int> exit_code) {
    fs::create_directories(dir(nonce));
    Allocation made{.site_job = site_job, .launcher = "srun", .began_at = clock_.now()};
    ASSERT_TRUE(append_to_chain(dir(nonce), made));
    if (!exit_code) return;
    made.end =
        Allocation::End{.ended_at = clock_.now(), .exit_code = *exit_code, .sealed_step = 40};
    ASSERT_TRUE(append_to_chain(dir(nonce), made));
  }

  fs::path folder_;
  std::unique_ptr<Ledger> ledger_;
  FakeSite site_;
  VirtualClock clock_;
  std::unique_ptr<Follower> follower_;
};

TEST_F(FollowerTest, AJobIsFollowedToItsEnd) {
  submit("n1", "7");
  site_.queue["7"] = {.reason = "Priority"};
  EXPECT_EQ(tick().changes, 0U);  // that it waits is no news
  site_.queue["7"] = {.state = "RUNNING", .nodes = "n[1-2]"};
  EXPECT_EQ(tick().changes, 1U);
  EXPECT_EQ(tick().changes, 0U);
  EXPECT_EQ(task("7").seen.nodes, "n[1-2]");
  site_.queue["7"] = {.state = "COMPLETING", .nodes = "n2"};
  EXPECT_EQ(tick().changes, 1U);
  EXPECT_EQ(task("7").seen.nodes, "n[1-2]");
  site_.queue["7"] = {.state = "COMPLETED"};
  tick();
  EXPECT_EQ(task("7").end->state, "COMPLETED");
  EXPECT_FALSE(is_open(job("7")));
  site_.asked.clear();
  tick();
  EXPECT_THAT(site_.asked, IsEmpty());  // nothing to ask
}

TEST_F(FollowerTest, RequeuesAreCounted) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING", .nodes = "n1"};
  tick();
  site_.queue["7"] = {.state = "PENDING", .restarts = 1, .reason = "BeginTime"};
  tick();
  site_.queue["7"] = {.state = "RUNNING", .restarts = 1, .nodes = "n2"};
  tick();
  EXPECT_EQ(task("7").seen.restarts, 1);
  EXPECT_EQ(task("7").seen.nodes, "n2");
  site_.queue["7"] = {
      .state = "FAILED", .restarts = 1, .status = 3 << 8, .reason = "NonZeroExitCode"};
  tick();
  EXPECT_EQ(task("7").end->exit_code, 3);
  EXPECT_EQ(task("7").end->why, "NonZeroExitCode");
  EXPECT_EQ(task("7").seen.restarts, 1);
}

TEST_F(FollowerTest, WithTheOldFormatRequeuesAreCountedAlong) {
  site_.has_fields = false;
  submit("n1", "7");
  for (const char* state : {"RUNNING", "PENDING", "RUNNING", "COMPLETING", "PENDING", "PENDING"}) {
    site_.queue["7"] = {.state = state};
    tick();
  }
  EXPECT_EQ(task("7").seen.restarts, 2);
  // Which form the site has was asked once.
  EXPECT_EQ(std::ranges::count(site_.asked, "squeue fields"), 1);
  EXPECT_EQ(std::ranges::count(site_.asked, "squeue format"), 6);
}

TEST_F(FollowerTest, ASiteWithJsonOnlyIsFollowed) {
  site_.has_fields = site_.has_format = false;
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING", .restarts = 4};
  tick();
  tick();
  EXPECT_EQ(task("7").seen.restarts, 4);
  EXPECT_THAT(site_.asked,
              ElementsAre("squeue fields", "squeue format", "squeue json", "squeue json"));
}

TEST_F(FollowerTest, ASiteThatDoesNotAnswerIsAskedInOneFormOnly) {
  submit("n1", "7");
  site_.squeue_says = SiteAnswer{1, "", "slurm_load_jobs error: Unable to contact controller\n"};
  tick();
  EXPECT_THAT(site_.asked, ElementsAre("squeue fields"));
  site_.squeue_says = SiteAnswer{1, "", "squeue: unrecognized option '--Format'\n"};
  tick();
  EXPECT_EQ(site_.asked.size(), 4U);
}

TEST_F(FollowerTest, WhatComesBackHasNotEnded) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "NODE_FAIL"};
  tick();
  EXPECT_FALSE(task("7").end);
  site_.queue["7"] = {.state = "PENDING", .restarts = 1};
  tick();
  site_.queue["7"] = {.state = "NODE_FAIL", .restarts = 1};
  tick();
  EXPECT_FALSE(task("7").end);
  tick();
  EXPECT_EQ(task("7").end->state, "NODE_FAIL");
}

TEST_F(FollowerTest, AJobRequeuedAfterItsEndIsFollowedAgain) {
  submit("n1", "7");
  submit("n2", "8");
  site_.queue["7"] = {.state = "FAILED", .status = 256};
  site_.queue["8"] = {.state = "RUNNING"};
  tick();
  EXPECT_FALSE(is_open(job("7")));
  EXPECT_EQ(tick().changes, 0U);  // it is listed for a while, and is no news any more
  site_.queue["7"] = {.state = "PENDING", .restarts = 1};
  tick();
  EXPECT_TRUE(is_open(job("7")));
  EXPECT_EQ(task("7").seen.restarts, 1);
}

TEST_F(FollowerTest, AnUnknownStateIsKeptAndWaitedFor) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "DREAMING of sheep"};
  tick();
  tick();
  EXPECT_EQ(task("7").seen.state, "DREAMING of sheep");
  EXPECT_TRUE(is_open(job("7")));
}

TEST_F(FollowerTest, ElementsOfAnArrayHaveTheirOwnStates) {
  submit("n1", "7", 6);
  site_.queue = {{"7_0", {.state = "COMPLETED"}},
                 {"7_1", {.state = "RUNNING", .nodes = "n1"}},
                 {"7_[2-4%2]", {.reason = "JobArrayTaskLimit"}},
                 {"7_[5]", {}}};
  EXPECT_EQ(tick().changes, 3U);
  EXPECT_EQ(task("7", 0).end->state, "COMPLETED");
  EXPECT_EQ(task("7", 1).seen.state, "RUNNING");
  EXPECT_FALSE(job("7").tasks.contains(2));
  site_.queue = {{"7_[1,2,3...]", {.state = "PENDING"}}};  // cut short: nothing is missing
  for (int i = 0; i < 9; ++i) tick();
  EXPECT_FALSE(job("7").tasks.contains(5));
  site_.queue = {{"7_[2-4]", {}}};  // 1 and 5 are
  for (int i = 0; i < 9; ++i) tick();
  EXPECT_EQ(task("7", 5).end->state, vanished);
  EXPECT_EQ(task("7", 1).end->state, vanished);
  EXPECT_FALSE(job("7").tasks.contains(2));
}

TEST_F(FollowerTest, AccountingTellsTheEndOfWhatTheQueueHasForgotten) {
  site_.has_accounting = true;
  submit("n1", "7");
  submit("n2", "8", 2);
  submit("n3", "9");
  site_.queue["9"] = {.state = "RUNNING"};
  site_.accounting = {{"7", "NODE_FAIL|1:0|n1"},
                      {"7.batch", "CANCELLED|0:15|n1"},
                      {"8_0", "COMPLETED|0:0|n1"},
                      {"8_1", "CANCELLED by 1000|0:15|n2"}};
  tick();
  EXPECT_EQ(task("7").end->state, "NODE_FAIL");
  EXPECT_EQ(task("8", 0).end->state, "COMPLETED");
  EXPECT_EQ(task("8", 1).end->state, "CANCELLED");
  EXPECT_EQ(task("8", 1).end->exit_code, 143);
  EXPECT_EQ(task("8", 1).seen.state, "CANCELLED by 1000");
  EXPECT_THAT(site_.asked, ElementsAre("squeue fields", "sacct"));  // one call for all
  EXPECT_THAT(site_.last_words.back(), "--jobs=7,8");
}

TEST_F(FollowerTest, TheJobDirectoryTellsTheEndWhereThereIsNoAccounting) {
  submit("n1", "7");
  submit("n2", "8");
  submit("n3", "9");
  submit("n4", "10");
  allocation("n1", "7", std::nullopt);
  allocation("n1", "7", 0);
  allocation("n2", "8", 1);
  std::ofstream(dir("n2") + "/report.json") << R"({"state":"FAILED","reason":"the disk is full"})";
  allocation("n3", "6", 0);  // of an earlier submission
  allocation("n4", "10", exit_checkpointed);
  tick();
  EXPECT_TRUE(is_open(job("7")));  // patience: one answer is not enough
  for (int i = 0; i < 4; ++i) tick();
  EXPECT_EQ(task("7").end->state, "COMPLETED");
  EXPECT_EQ(task("8").end->state, "FAILED");
  EXPECT_EQ(task("8").end->exit_code, 1);
  EXPECT_EQ(task("8").end->why, "the disk is full");
  EXPECT_EQ(task("9").end->state, vanished);
  EXPECT_THAT(task("9").end->why, HasSubstr("does not say that it has run"));
  EXPECT_EQ(task("10").end->exit_code, exit_checkpointed);
  EXPECT_THAT(task("10").end->why, HasSubstr("checkpoint 40"));
  EXPECT_EQ(std::ranges::count(site_.asked, "sacct"), 1);  // that there is none was asked once
  site_.queue["9"] = {.state = "RUNNING"};                 // should it turn up again
  submit("n5", "11");
  tick();
  EXPECT_TRUE(is_open(job("9")));
}

TEST_F(FollowerTest, AQuickReturnToTheListIsNoEnd) {
  submit("n1", "7");
  for (int i = 0; i < 10; ++i) {
    site_.queue.clear();
    tick();
    EXPECT_EQ(task("7").seen.state, not_listed);
    site_.queue["7"] = {.state = "RUNNING"};
    tick(60);
  }
  EXPECT_TRUE(is_open(job("7")));
}

TEST_F(FollowerTest, ABusySiteIsAskedLessOftenAndNothingIsConcluded) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING"};
  tick();
  const Result<SiteAnswer> bad[] = {
      SiteAnswer{1, "", "slurm_load_jobs error: Unable to contact slurm controller\n"},
      fail({.code = Code::timed_out, .what = "'squeue' has not answered within 1min"}),
      fail({.code = Code::not_found, .what = "'squeue' cannot be started"}),
      SiteAnswer{0, "", "squeue: error: Invalid user: ada\n"},
      SiteAnswer{0, "Segmentation fault\n", ""},
      SiteAnswer{0, "7|RUNNING|0|0|No", ""},  // cut short
      SiteAnswer{0, "\xff\xfe\x00", ""},
      SiteAnswer{139, "", ""},
  };
  std::vector<double> pauses;
  std::vector<std::string> news;
  for (const auto& answer : bad) {
    site_.squeue_says = answer;
    const FollowerTick done = tick(pauses.empty() ? 10 : pauses.back());
    EXPECT_FALSE(done.is_answered);
    EXPECT_FALSE(follower_->trouble().empty());
    pauses.push_back(done.next_s);
    news.insert(news.end(), done.news.begin(), done.news.end());
  }
  EXPECT_THAT(pauses, ElementsAre(10, 20, 40, 80, 160, 300, 300, 300));
  EXPECT_THAT(news, ElementsAre(HasSubstr("Unable to contact slurm controller")));  // once
  EXPECT_TRUE(is_open(job("7")));
  site_.squeue_says.reset();
  const FollowerTick well = tick();
  EXPECT_TRUE(well.is_answered);
  EXPECT_EQ(well.next_s, 10);
  EXPECT_THAT(well.news, ElementsAre("the site answers again, after 8 failures"));
  EXPECT_EQ(follower_->trouble(), "");
}

TEST_F(FollowerTest, ALargeAnswerIsAskedForLessOften) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING"};
  site_.queue["8"] = {.state = "RUNNING", .comment = std::string(60'000'000, 'x')};
  EXPECT_NEAR(tick().next_s, 30, 0.1);
  site_.queue.erase("8");
  EXPECT_EQ(tick().next_s, 10);
}

TEST_F(FollowerTest, AccountingThatIsDownDelaysAnEndOnly) {
  site_.has_accounting = true;
  submit("n1", "7");
  site_.accounting["7"] = "COMPLETED|0:0|n1";
  site_.sacct_says = SiteAnswer{1, "", "sacct: error: slurmdbd is away\n"};
  for (int i = 0; i < 9; ++i) EXPECT_FALSE(tick(100).is_answered);
  EXPECT_TRUE(is_open(job("7")));
  site_.sacct_says.reset();
  tick();
  EXPECT_EQ(task("7").end->state, "COMPLETED");
}

TEST_F(FollowerTest, AnAnswerOfSbatchThatGotLostIsFoundByItsNonce) {
  submit("n1", "");
  submit("n2", "");
  site_.queue["12"] = {.state = "RUNNING", .comment = comment_of("n1") + " for the paper"};
  site_.queue["13"] = {.state = "RUNNING", .comment = comment_of("of somebody else")};
  tick();
  EXPECT_EQ(job("12").dir, dir("n1"));
  EXPECT_EQ(task("12").seen.state, "RUNNING");
  EXPECT_FALSE(ledger_->jobs().jobs.contains("13"));
  EXPECT_TRUE(ledger_->jobs().asked.contains("n2"));  // it may still be on its way
  tick(1'000);
  EXPECT_FALSE(ledger_->jobs().asked.contains("n2"));
}

TEST_F(FollowerTest, AContinuationIsFoundByItsNonce) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING", .comment = comment_of("n1")};
  tick();
  site_.queue["7"] = {.state = "COMPLETED", .comment = comment_of("n1")};
  site_.queue["9"] = {.state = "PENDING", .comment = comment_of("n1")};
  tick();
  EXPECT_EQ(job("9").continues, "7");
  EXPECT_EQ(job("9").dir, dir("n1"));
  EXPECT_NE(open_in(ledger_->jobs(), dir("n1")), nullptr);
}

TEST_F(FollowerTest, AnElementsContinuationIsAnArrayOfThatElement) {
  submit("n1", "7", 3);
  const std::string comment = comment_of("n1");
  site_.queue = {{"7_0", {.state = "RUNNING", .comment = comment}},
                 {"7_1", {.state = "RUNNING", .comment = comment}},
                 {"7_2", {.state = "RUNNING", .comment = comment}}};
  tick();
  site_.queue["7_1"].state = "FAILED";
  site_.queue["9_[1]"] = {.comment = comment};
  tick(1);
  EXPECT_EQ(job("9").continues, "7_1");
  EXPECT_EQ(job("9").dir, dir("n1") + "/1");
  site_.queue.erase("9_[1]");
  site_.queue["9_1"] = {.state = "RUNNING", .nodes = "n2", .comment = comment};
  site_.queue["11_1"] = {.comment = comment};
  tick(1);
  EXPECT_EQ(task("9").seen.nodes, "n2");
  EXPECT_EQ(job("11").continues, "9_1");
  EXPECT_EQ(job("11").element, 1);
  allocation("n1/1", "11_1", 0);
  site_.queue.erase("11_1");
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_EQ(task("11").end->state, "COMPLETED");
  const SiteJobs before = ledger_->jobs();
  restart();
  EXPECT_EQ(ledger_->jobs(), before);
}

TEST_F(FollowerTest, ARestartOfOursForgetsNoJob) {
  submit("n1", "7");
  site_.queue["7"] = {.state = "RUNNING", .restarts = 1};
  tick();
  restart();
  EXPECT_EQ(tick().changes, 0U);
  site_.queue["7"] = {.state = "COMPLETED", .restarts = 1};
  restart();
  tick();
  EXPECT_EQ(task("7").end->state, "COMPLETED");
}

TEST_F(FollowerTest, AnEndIsWhenTheDirectorySaysIfThatMayBe) {
  submit("n1", "7");
  submit("n2", "8");
  tick();
  allocation("n1", "7", 0);
  const Instant ended = clock_.now();
  clock_.skew = {31'536'000'000};  // a head node whose clock is a year ahead
  allocation("n2", "8", 0);
  clock_.skew = {};
  site_.queue = {{"7", {.state = "COMPLETED"}}, {"8", {.state = "COMPLETED"}}};
  tick(100);
  EXPECT_EQ(task("7").end->at, ended);
  EXPECT_EQ(task("8").end->at, clock_.now());
}

// A head node whose clock is a year off, and ours that is set back: nothing is lost by it.
TEST_F(FollowerTest, ClocksThatDisagreeEndNothingWrongly) {
  submit("n1", "7");
  submit("n2", "8");
  clock_.skew = {31'536'000'000};
  allocation("n1", "7", 0);
  clock_.skew = {-900'000};
  site_.queue["8"] = {.state = "RUNNING"};
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_EQ(task("7").end->state, "COMPLETED");
  EXPECT_TRUE(is_open(job("8")));
  site_.queue.clear();
  tick();
  clock_.skew = {-999'000};
  for (int i = 0; i < 5; ++i) tick();
  EXPECT_TRUE(is_open(job("8")));  // no patience passed by that clock
}

TEST(JobFolder, ProgressReadsBack) {
  std::string pattern = (fs::temp_directory_path() / "sovren-folder-XXXXXX").string();
  const std::string dir = ::mkdtemp(pattern.data());
  const FolderProgress progress{.step = 12,
                                .fraction = 0.25,
                                .metrics = {{"train_loss", 1.5}},
                                .sealed_step = 10,
                                .attempt = 2,
                                .at = {5'000}};
  ASSERT_TRUE(write_progress(dir, progress));
  EXPECT_EQ(read_progress(dir), progress);
  ASSERT_TRUE(write_progress(dir, {.step = 13}));
  EXPECT_EQ(read_progress(dir)->step, 13);
  EXPECT_EQ(std::distance(fs::directory_iterator(dir), {}), 1);
  std::ofstream(dir + "/" + std::string(progress_file_name)) << R"({"schema":"sovren.pro)";
  EXPECT_EQ(read_progress(dir), std::nullopt);
  EXPECT_EQ(write_progress(dir + "/none", progress).error().code, Code::storage_io);
  EXPECT_EQ(read_progress(dir + "/none"), std::nullopt);
  fs::remove_all(dir);
}

}  // namespace
}  // namespace sovren::slurm
