// SPDX-License-Identifier: Apache-2.0
// The laws of jobs/kind/laws.h, for every kind of job and several jobs of each.
#include <gtest/gtest.h>

#include "tests/law/cases.h"
#include "workers/comm/comm.h"

namespace sovren::jobs {
namespace {

constexpr double deadline_s = 60;

struct Pair {
  const Law* law;
  LawCase subject;
};

std::vector<Pair> pairs() {
  std::vector<Pair> all;
  for (const Law& law : laws())
    for (const auto& cases : {causal_cases(), training_cases(), rendering_cases()})
      for (const LawCase& subject : cases) all.push_back({&law, subject});
  return all;
}

class JobLaw : public testing::TestWithParam<Pair> {};

TEST_P(JobLaw, Holds) {
  const LawSubject subject = GetParam().subject.make();
  const RunRanks run = [](int ranks, const std::function<void(Communicator&)>& body) {
    workers::run_on_threads(ranks, deadline_s, body);
  };
  EXPECT_EQ(GetParam().law->broken(subject, run), "");
}

INSTANTIATE_TEST_SUITE_P(Every, JobLaw, testing::ValuesIn(pairs()),
                         [](const testing::TestParamInfo<Pair>& one) {
                           return one.param.law->name + one.param.subject.name;
                         });

}  // namespace
}  // namespace sovren::jobs
