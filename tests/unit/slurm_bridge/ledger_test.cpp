// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

namespace sovren::slurm {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr Instant t0{1'000};

SiteAsked asked(const std::string& nonce, const std::string& dir, std::int64_t tasks = 0) {
  return {.nonce = nonce,
          .name = "drivers",
          .dir = dir,
          .job_file = "/home/a/job.toml",
          .user = "ada",
          .array_tasks = tasks};
}

SiteRecord seen(const std::string& job, const std::string& state, std::int64_t task = no_task,
                int restarts = 0) {
  return {t0, SiteSeen{job, task, {.state = state, .restarts = restarts}}};
}
SiteRecord ended(const std::string& job, const std::string& state, std::int64_t task = no_task) {
  return {t0, SiteEnded{job, task, {.state = state, .exit_code = 1, .why = "NonZeroExitCode"}}};
}

class LedgerTest : public testing::Test {
 protected:
  LedgerTest() {
    std::string pattern = (fs::temp_directory_path() / "sovren-ledger-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = (folder_ / "slurm/jobs.jsonl").string();
  }
  ~LedgerTest() override { fs::remove_all(folder_); }

  Ledger opened() {
    auto ledger = Ledger::open(path_);
    EXPECT_TRUE(ledger) << to_text(ledger.error());
    return *std::move(ledger);
  }
  std::string content() const {
    std::ifstream in(path_);
    return (std::stringstream() << in.rdbuf()).str();
  }
  void put(const std::string& text) const { std::ofstream(path_, std::ios::trunc) << text; }

  // A job 7 in /d, and what may happen to it.
  static std::vector<SiteRecord> life() {
    return {{t0, asked("n1", "/d")},          {t0, SiteSubmitted{"n1", "7"}},
            seen("7", "RUNNING", no_task, 1), ended("7", "FAILED"),
            {t0, asked("n2", "/e", 3)},       {t0, SiteSubmitted{"n2", "8"}},
            seen("8", "RUNNING", 1),          ended("8", "COMPLETED", 0),
            {t0, SiteContinued{"8", "9"}},    {t0, SiteContinued{"9", "10"}},
            seen("10", "PENDING", 2),         {t0, asked("n3", "/f")},
            {t0, asked("n4", "/g")},          {t0, SiteWithdrawn{"n4", "refused"}}};
  }

  fs::path folder_;
  std::string path_;
};

TEST_F(LedgerTest, ARestartRemembersEverything) {
  Ledger ledger = opened();
  for (const SiteRecord& record : life()) ASSERT_TRUE(ledger.append(record));
  EXPECT_EQ(opened().jobs(), ledger.jobs());
  const SiteJob& job = ledger.jobs().jobs.at("7");
  EXPECT_EQ(job.name, "drivers");
  EXPECT_EQ(job.tasks.at(no_task).seen.restarts, 1);
  EXPECT_EQ(job.tasks.at(no_task).end->state, "FAILED");
  EXPECT_EQ(job.tasks.at(no_task).end->exit_code, 1);
  EXPECT_FALSE(is_open(job));
  EXPECT_EQ(ledger.jobs().jobs.at("10").dir, "/e");
  EXPECT_EQ(ledger.jobs().jobs.at("10").continues, "9");
  EXPECT_EQ(ledger.jobs().jobs.at("9").continues, "8");
  EXPECT_TRUE(ledger.jobs().asked.contains("n3"));
  EXPECT_FALSE(ledger.jobs().asked.contains("n4"));
}

TEST_F(LedgerTest, LinesReadBackToTheSameRecords) {
  for (const SiteRecord& record : life()) {
    const std::string line = record_to_line(record);
    const auto read = record_from_line(line);
    ASSERT_TRUE(read) << line << to_text(read.error());
    EXPECT_EQ(record_to_line(*read), line);
  }
  const auto newer = record_from_line(R"({"record":"praised","at":1,"by":"x"})");
  EXPECT_EQ(newer.error().code, Code::mismatch);
  EXPECT_TRUE(record_from_line(R"({ "record": "seen", "at": 1, "site_job": "7", "mood": "x" })"));
}

TEST_F(LedgerTest, AFileCutAnywhereKeepsItsWholeLines) {
  {
    Ledger ledger = opened();
    ASSERT_TRUE(ledger.append(life()));
  }
  const std::string whole = content();
  for (std::size_t size = 0; size < whole.size(); size += 5) {
    put(whole.substr(0, size));
    Ledger ledger = opened();
    ASSERT_TRUE(ledger.append({t0, asked("after", "/after")})) << size;
    EXPECT_EQ(opened().jobs(), ledger.jobs()) << size;
    EXPECT_TRUE(ledger.jobs().asked.contains("after")) << size;
    SiteJobs wanted;
    std::istringstream lines(whole.substr(0, whole.substr(0, size).rfind('\n') + 1));
    for (std::string line; std::getline(lines, line);)
      if (const auto record = record_from_line(line)) apply(wanted, *record);
    // A last line that lacks nothing but its end counts, once it has got one.
    if (const auto torn =
            record_from_line(whole.substr(0, size).substr(whole.substr(0, size).rfind('\n') + 1)))
      apply(wanted, *torn);
    apply(wanted, {t0, asked("after", "/after")});
    EXPECT_EQ(opened().jobs(), wanted) << size;
  }
}

TEST_F(LedgerTest, ProcessesSeeWhatOthersWrote) {
  Ledger a = opened();
  Ledger b = opened();
  ASSERT_TRUE(a.append({t0, asked("n1", "/d")}));
  ASSERT_TRUE(b.append({t0, SiteSubmitted{"n1", "7"}}));
  EXPECT_EQ(b.jobs().jobs.at("7").dir, "/d");
  ASSERT_TRUE(a.refresh());
  EXPECT_EQ(a.jobs(), b.jobs());
}

TEST_F(LedgerTest, OneFolderHasOneOpenJob) {
  Ledger a = opened();
  Ledger b = opened();
  ASSERT_TRUE(a.ask(asked("n1", "/d"), t0));
  const auto twice = b.ask(asked("n2", "/d"), t0);
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::refused);
  ASSERT_TRUE(b.append({t0, SiteSubmitted{"n1", "7"}}));
  EXPECT_THAT(to_text(a.ask(asked("n2", "/d"), t0).error()), HasSubstr("site job 7"));
  ASSERT_TRUE(a.append(ended("7", "FAILED")));
  EXPECT_TRUE(b.ask(asked("n2", "/d"), t0));
}

TEST_F(LedgerTest, AnArrayIsOpenUntilEachElementHasEnded) {
  Ledger ledger = opened();
  ASSERT_TRUE(ledger.ask(asked("n1", "/d", 3), t0));
  ASSERT_TRUE(ledger.append({t0, SiteSubmitted{"n1", "7"}}));
  for (const int task : {2, 0, 1}) {
    EXPECT_TRUE(is_open(ledger.jobs().jobs.at("7")));
    ASSERT_TRUE(ledger.append(ended("7", "COMPLETED", task)));
  }
  EXPECT_FALSE(is_open(ledger.jobs().jobs.at("7")));
  ASSERT_TRUE(ledger.append(seen("7", "PENDING", 1, 1)));  // requeued by an administrator
  EXPECT_TRUE(is_open(ledger.jobs().jobs.at("7")));
}

TEST_F(LedgerTest, CompactionKeepsAllThatMatters) {
  Ledger other = opened();
  Ledger ledger = opened();
  ASSERT_TRUE(ledger.append(life()));
  std::vector<SiteRecord> many;
  for (int i = 0; i < 2'000; ++i) many.push_back(seen("10", i % 2 ? "RUNNING" : "PENDING", 2, i));
  std::int64_t largest = 0;
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(ledger.append(many));
    largest = std::max<std::int64_t>(largest, std::ssize(content()));
  }
  EXPECT_LT(largest, 1'500'000);  // 20 appends of 180 kB
  EXPECT_EQ(opened().jobs(), ledger.jobs());
  EXPECT_EQ(ledger.jobs().jobs.at("10").tasks.at(2).seen.restarts, 1'999);
  ASSERT_TRUE(other.append({t0, asked("n9", "/h")}));  // the file that it knew is gone
  EXPECT_EQ(opened().jobs(), other.jobs());
  EXPECT_TRUE(other.jobs().jobs.contains("7"));
}

TEST_F(LedgerTest, RecordsOfANewerSovrenAreNotCompactedAway) {
  Ledger ledger = opened();
  ASSERT_TRUE(ledger.append(life()));
  put(content() + R"({"record":"praised","at":1})" + "\n");
  std::vector<SiteRecord> many(8'000, seen("7", "RUNNING"));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(ledger.append(many));
  EXPECT_THAT(content(), HasSubstr("praised"));
}

// The shortest records of any jobs lead to the same jobs.
TEST_F(LedgerTest, RecordsOfTheFoldFoldToTheSame) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::mt19937_64 random(seed);
    const auto any = [&](std::uint64_t n) { return static_cast<int>(random() % n); };
    SiteJobs jobs;
    for (int i = 0; i < 40; ++i) {
      const std::string id = std::to_string(any(5)), nonce = "n" + std::to_string(any(5));
      const SiteRecord records[] = {
          {Instant{i}, asked(nonce, "/" + nonce, any(3))},
          {Instant{i}, SiteSubmitted{nonce, id}},
          {Instant{i}, SiteWithdrawn{nonce, ""}},
          {Instant{i}, SiteSeen{id, any(3), {.state = "RUNNING"}}},
          {Instant{i}, SiteEnded{id, any(3), {.state = "FAILED"}}},
          {Instant{i}, SiteContinued{id, std::to_string(any(9)), any(4) - 1}}};
      apply(jobs, records[any(std::size(records))]);
    }
    SiteJobs again;
    for (const SiteRecord& record : records_of(jobs)) apply(again, record);
    EXPECT_EQ(again, jobs) << seed;
  }
}

TEST_F(LedgerTest, ManyProcessesAppendAtOnce) {
  constexpr int processes = 4, each = 25;
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t child = fork();
    if (child == 0) {
      auto ledger = Ledger::open(path_);
      bool is_good = ledger.has_value();
      for (int i = 0; is_good && i < each; ++i) {
        const std::string key = std::to_string(p) + "-" + std::to_string(i);
        is_good = ledger->ask(asked(key, "/" + key), t0).has_value();
      }
      _exit(is_good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(opened().jobs().asked.size(), static_cast<std::size_t>(processes * each));
}

TEST_F(LedgerTest, AFolderThatCannotBeMadeIsNamed) {
  Ledger ledger = opened();
  EXPECT_FALSE(fs::exists(folder_ / "slurm"));  // looking makes nothing
  std::ofstream(folder_ / "slurm") << "a file";
  const auto appended = ledger.append({t0, asked("n1", "/d")});
  ASSERT_FALSE(appended);
  EXPECT_EQ(appended.error().code, Code::storage_io);
  EXPECT_THAT(appended.error().where, HasSubstr("slurm"));
  EXPECT_EQ(Ledger::open(path_).error().code, Code::storage_io);
}

TEST(Nonce, StandsInTheComment) {
  EXPECT_EQ(nonce_in(comment_of("00ff")), "00ff");
  EXPECT_EQ(nonce_in(comment_of("00ff") + " for the paper"), "00ff");
  EXPECT_EQ(nonce_in("for the paper"), "");
  EXPECT_EQ(nonce_in(""), "");
}

TEST(Nonce, Differs) {
  EXPECT_NE(make_nonce(), make_nonce());
}

}  // namespace
}  // namespace sovren::slurm
