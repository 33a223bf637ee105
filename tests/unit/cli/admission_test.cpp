// SPDX-License-Identifier: Apache-2.0
#include "cli/admission.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <tuple>

#include "core/text/job_file.h"
#include "storage/checkpoint/set_folder.h"

namespace sovren::cli {
namespace {

// A state with one job of these facts, in this state.
struct Before {
  State state;
  RunRequest request;
  std::string empty_dir = testing::TempDir() + "/admission-no-sets";

  explicit Before(JobState last) {
    request.spec.name = "job";
    request.facts = {{"kind", "causal-analysis"}, {"causal_analysis.alpha", "0.05"}};
    Job& job = state.jobs[JobId{1}];
    job.id = JobId{1};
    job.spec = request.spec;
    job.spec_digest = text::facts_digest(request.facts);
    job.oldest_set_job = JobId{1};
    job.state = last;
    state.last_job = 1;
  }
  Result<Admission> admit_it() {
    return admit(state, request, text::facts_digest(request.facts), empty_dir);
  }
};

TEST(Admission, ResumesTheUnfinishedJobOfTheSameSpec) {
  Before before(JobState::pending);
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->resume, JobId{1});
  EXPECT_FALSE(admission->supersede);
}

TEST(Admission, AnotherShapeTakesOverTheCheckpoints) {
  Before before(JobState::pending);
  before.request.spec.resources.ranks = 4;
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_FALSE(admission->resume);
  EXPECT_EQ(admission->supersede, JobId{1});
  EXPECT_EQ(admission->oldest_set_job, JobId{1});
}

TEST(Admission, FreshDropsThem) {
  Before before(JobState::pending);
  before.request.start = RunRequest::Start::fresh;
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->supersede, JobId{1});
  EXPECT_EQ(admission->oldest_set_job, JobId{0});
}

TEST(Admission, ACompletedJobIsRunAgainFromTheBeginning) {
  Before before(JobState::completed);
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_FALSE(admission->resume);
  EXPECT_EQ(admission->oldest_set_job, JobId{0});
}

TEST(Admission, AFailedJobIsTakenUpFromItsCheckpoints) {
  Before before(JobState::failed);
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_FALSE(admission->resume);
  EXPECT_FALSE(admission->supersede);
  EXPECT_EQ(admission->oldest_set_job, JobId{1});
}

// The log is that of a node which the job has left since: what it says of its last job is out of
// date.
TEST(Admission, ALogThatLaterAttemptsDoNotStandInIsNotGoneOnWith) {
  for (const auto& [job, attempt, is_resumed] :
       {std::tuple{1, 2, true}, {1, 3, false}, {2, 1, false}}) {
    Before before(JobState::pending);
    before.state.jobs[JobId{1}].attempts = 2;
    before.empty_dir = testing::TempDir() + "/admission-fence";
    std::filesystem::create_directories(before.empty_dir);
    ASSERT_TRUE(storage::write_fence(before.empty_dir, {JobId{job}, attempt}));
    const auto admission = before.admit_it();
    ASSERT_TRUE(admission);
    EXPECT_EQ(admission->resume.has_value(), is_resumed) << job << " " << attempt;
    EXPECT_EQ(admission->supersede.has_value(), !is_resumed) << job << " " << attempt;
    EXPECT_EQ(admission->oldest_set_job, JobId{1});
  }
}

TEST(Admission, WithoutALogCheckpointsThatAreThereAreUsed) {
  Before before(JobState::pending);
  before.state = {};
  const auto admission = before.admit_it();
  ASSERT_TRUE(admission);
  EXPECT_EQ(admission->oldest_set_job, JobId{1});
}

}  // namespace
}  // namespace sovren::cli
