// SPDX-License-Identifier: Apache-2.0
#include "cli/site_submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "storage/file/file.h"

namespace sovren::cli {
namespace {

using slurm::SiteAnswer;
using testing::HasSubstr;

class SiteSubmissionTest : public testing::Test {
 protected:
  SiteSubmissionTest() {
    std::string name = (std::filesystem::temp_directory_path() / "sovren-site-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    ledger_ = std::make_unique<slurm::Ledger>(*slurm::Ledger::open(folder_ + "/home/jobs.jsonl"));
    auto request = read_site_request({.name = "job.toml",
                                      .text = "name = \"it\"\nkind = \"command\"\n"
                                              "[command]\nargv = [\"true\"]\n",
                                      .base_dir = folder_},
                                     arguments());
    EXPECT_TRUE(request);
    request_ = *std::move(request);
  }
  ~SiteSubmissionTest() override { std::filesystem::remove_all(folder_); }

  Arguments arguments() const {
    Arguments arguments;
    arguments.add("dir", folder_ + "/it.sovren");
    arguments.add("launcher", "srun");
    return arguments;
  }

  // A site whose sbatch and squeue answer so.
  Result<SiteSubmission> submit(const std::function<Result<SiteAnswer>(const std::string&)>& sbatch,
                                const std::function<Result<SiteAnswer>()>& squeue) {
    return submit_to_site(request_, arguments(), *ledger_,
                          [&](const std::vector<std::string>& argv, const std::string& input) {
                            return argv[0] == "sbatch" ? sbatch(input) : squeue();
                          });
  }
  std::string asked_nonce() {
    EXPECT_EQ(ledger_->jobs().asked.size(), 1U);
    return ledger_->jobs().asked.begin()->first;
  }

  static Result<SiteAnswer> no_answer() {
    return fail({.code = Code::timed_out, .what = "'sbatch' has not answered within 1min"});
  }

  std::string folder_;
  std::unique_ptr<slurm::Ledger> ledger_;
  SiteRequest request_;
};

TEST_F(SiteSubmissionTest, AllIsWrittenDownBeforeTheSiteIsAsked) {
  int calls = 0;
  const auto done = submit(
      [&](const std::string& script) -> Result<SiteAnswer> {
        ++calls;
        const auto others = slurm::Ledger::open(ledger_->path());
        EXPECT_EQ(others->jobs().asked.count(asked_nonce()), 1U);
        EXPECT_EQ(*storage::read_file(request_.dir + "/job.sbatch"), script);
        EXPECT_TRUE(storage::path_exists(request_.dir + "/job.toml"));
        EXPECT_TRUE(storage::path_exists(request_.dir + "/logs"));
        return SiteAnswer{.output = "41\n", .errors = {}};
      },
      [] { return no_answer(); });
  ASSERT_TRUE(done) << to_text(done.error());
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(done->site_job, "41");
  EXPECT_TRUE(ledger_->jobs().asked.empty());
  EXPECT_EQ(ledger_->jobs().jobs.count("41"), 1U);
}

TEST_F(SiteSubmissionTest, AnAnswerThatDoesNotComeIsFoundInTheQueue) {
  const auto done =
      submit([](const std::string&) { return no_answer(); },
             [this]() -> Result<SiteAnswer> {
               return SiteAnswer{.output = "40|\n42|" + slurm::comment_of(asked_nonce()) + " x\n",
                                 .errors = {}};
             });
  ASSERT_TRUE(done) << to_text(done.error());
  EXPECT_EQ(done->site_job, "42");
}

TEST_F(SiteSubmissionTest, WhatTheSiteMayHaveTakenIsNotTakenBack) {
  const auto done =
      submit([](const std::string&) { return no_answer(); }, [] { return no_answer(); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::timed_out);
  EXPECT_THAT(done.error().what, HasSubstr("it is not known whether it took the job"));
  EXPECT_THAT(done.error().hint, HasSubstr(asked_nonce()));
  EXPECT_TRUE(storage::path_exists(request_.dir + "/job.toml"));
  EXPECT_NE(slurm::open_in(ledger_->jobs(), request_.dir), nullptr);
}

TEST_F(SiteSubmissionTest, AFolderThatCannotBeMadeAsksNobody) {
  ASSERT_TRUE(storage::write_file_atomic(request_.dir, "a file, where a folder is to be"));
  int calls = 0;
  const auto done = submit(
      [&](const std::string&) {
        ++calls;
        return no_answer();
      },
      [] { return no_answer(); });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::storage_io);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(slurm::open_in(ledger_->jobs(), request_.dir), nullptr);
}

}  // namespace
}  // namespace sovren::cli
