// SPDX-License-Identifier: Apache-2.0
#include "scheduler/sim/simulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "core/base/rng.h"

namespace sovren::sim {
namespace {

TraceJob job(std::int64_t submit, std::int64_t run, int procs, std::int64_t request = 0,
             int user = 1) {
  return {.submit_s = submit,
          .run_s = run,
          .request_s = request == 0 ? run : request,
          .procs = procs,
          .user = user};
}

SimResult run(const std::string& policy, const std::vector<TraceJob>& jobs, int procs,
              SimConfig config = {}) {
  const auto found = find_policy(policy);
  EXPECT_TRUE(found) << policy;
  config.policy = *found;
  config.keeps_attempts = true;
  return simulate(jobs, procs, config);
}

std::vector<double> starts(const SimResult& result) {
  std::vector<double> all;
  for (const SimJob& one : result.jobs) all.push_back(one.first_start_s);
  return all;
}
using Starts = std::vector<double>;

// A wide job waits behind a long one; a short one fits in before it, a long one only beside it.
const std::vector<TraceJob> four{job(0, 100, 6), job(1, 50, 8), job(2, 99, 4), job(3, 97, 2),
                                 job(4, 200, 2)};

TEST(Simulate, FollowsSchedulesMadeByHand) {
  EXPECT_EQ(starts(run("fcfs", four, 10)), (Starts{0, 100, 150, 150, 150}));
  // Job 2 (2..101) would delay job 1 to 101; job 3 ends at 100, job 4 uses the two spare ones.
  EXPECT_EQ(starts(run("easy", four, 10)), (Starts{0, 100, 150, 3, 4}));
  EXPECT_EQ(starts(run("conservative", four, 10)), (Starts{0, 100, 150, 3, 4}));
}

TEST(Simulate, ConservativeDelaysNobodyBehindTheFirstEither) {
  // EASY lets job 3 (2 processors for ever) delay job 2, which is promised 160 on all ten.
  const std::vector<TraceJob> jobs{job(0, 100, 6), job(1, 60, 8), job(2, 10, 10), job(3, 500, 2)};
  EXPECT_EQ(starts(run("easy", jobs, 10)), (Starts{0, 100, 503, 3}));
  EXPECT_EQ(starts(run("conservative", jobs, 10)), (Starts{0, 100, 160, 170}));
}

TEST(Simulate, OrdersBySizeAndLength) {
  const std::vector<TraceJob> jobs{job(0, 100, 4), job(1, 50, 4), job(2, 10, 4), job(3, 20, 2)};
  EXPECT_EQ(starts(run("sjf", jobs, 4)), (Starts{0, 130, 100, 110}));
  EXPECT_EQ(starts(run("saf", jobs, 4)), (Starts{0, 130, 100, 110}));
}

TEST(Simulate, APreemptedJobPaysAndLosesNothing) {
  SimConfig config;
  config.quantum_s = 600;
  config.checkpoint_cost_s = 120;
  // The long one has had its quantum when the short one comes: it makes room at once.
  const SimResult result =
      run("checkpoint-preemptive", {job(0, 5000, 4), job(1000, 60, 4)}, 4, config);
  EXPECT_EQ(result.jobs[1].first_start_s, 1000);
  EXPECT_EQ(result.jobs[1].end_s, 1060);
  EXPECT_EQ(result.jobs[0].preemptions, 1);
  EXPECT_EQ(result.jobs[0].end_s, 5000 + 60 + 120);
  // Within its quantum it is left alone.
  const SimResult pinned =
      run("checkpoint-preemptive", {job(0, 5000, 4), job(100, 60, 4)}, 4, config);
  EXPECT_EQ(pinned.jobs[1].first_start_s, 600);
}

TEST(Simulate, PredictsFromTheUsersLastJobs) {
  // Both ask for 1,000 s; user 1's jobs ended after 10 s before, so one of his fits in front.
  const std::vector<TraceJob> jobs{job(0, 10, 1, 1000, 1), job(20, 100, 3, 100, 2),
                                   job(21, 50, 4, 60, 3), job(22, 10, 1, 1000, 1)};
  EXPECT_EQ(run("easy", jobs, 4).jobs[3].first_start_s, 170);
  EXPECT_EQ(run("aged-saf", jobs, 4).jobs[3].first_start_s, 22);
}

// Every policy, on random traces: no processor is used twice, all work is done, no job starts
// before it is submitted, and the same input gives the same output.
TEST(Simulate, GivesNoProcessorTwiceUnderAnyPolicy) {
  for (const NamedPolicy& policy : named_policies())
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(std::string(policy.name) + " seed " + std::to_string(seed));
      const Philox random(seed);
      std::uint64_t draw = 0;
      const auto below = [&](std::uint64_t bound) {
        return static_cast<std::int64_t>(random.below(draw++, bound));
      };
      std::vector<TraceJob> jobs;
      std::int64_t at = 0;
      for (int i = 0; i < 60; ++i) {
        at += below(400);
        const std::int64_t run_s = 1 + below(below(3) == 0 ? 20'000 : 500);
        jobs.push_back(job(at, run_s, 1 + static_cast<int>(below(16)), run_s + below(1000),
                           static_cast<int>(below(4))));
      }
      SimConfig config;
      config.mtbf_s = seed % 2 == 0 ? 0 : 200'000;
      const SimResult result = run(std::string(policy.name), jobs, 16, config);
      std::map<double, int> change;
      for (const SimAttempt& attempt : result.attempts) {
        const int procs = jobs[static_cast<std::size_t>(attempt.job)].procs;
        change[attempt.start_s] += procs;
        change[attempt.end_s] -= procs;
      }
      int used = 0;
      for (const auto& [when, by] : change) EXPECT_LE(used += by, 16) << when;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        const SimJob& one = result.jobs[i];
        double ran = 0;
        for (const SimAttempt& attempt : result.attempts)
          if (attempt.job == static_cast<int>(i)) ran += attempt.end_s - attempt.start_s;
        EXPECT_GE(one.first_start_s, static_cast<double>(one.submit_s));
        EXPECT_GE(ran + 0.01, static_cast<double>(one.run_s)) << i;
        if (one.failures == 0) {
          EXPECT_NEAR(ran, static_cast<double>(one.run_s) + 120.0 * one.preemptions, 0.01) << i;
        }
        if (!policy.preempts) {
          EXPECT_EQ(one.preemptions, 0);
        }
      }
      EXPECT_EQ(starts(run(std::string(policy.name), jobs, 16, config)), starts(result));
    }
}

TEST(Simulate, FailuresCostACheckpointingJobLittle) {
  SimConfig config;
  config.mtbf_s = 40'000;
  config.checkpoint_interval_s = 600;
  const std::vector<TraceJob> jobs{job(0, 20'000, 8)};
  const SimResult keeps = run("checkpoint-preemptive", jobs, 10, config);
  const SimResult loses = run("easy", jobs, 10, config);
  EXPECT_GT(keeps.jobs[0].failures, 0);
  EXPECT_GT(loses.jobs[0].failures, keeps.jobs[0].failures);
  EXPECT_LT(keeps.jobs[0].end_s, 20'000 + 4200.0 * keeps.jobs[0].failures + 1);
  EXPECT_LT(keeps.jobs[0].end_s, loses.jobs[0].end_s);
}

TEST(Summary, MeasuresWhatTheLiteratureMeasures) {
  SimResult result{.procs = 4};
  result.jobs = {{.submit_s = 0, .run_s = 100, .procs = 4, .first_start_s = 0, .end_s = 100},
                 {.submit_s = 0, .run_s = 5, .procs = 1, .first_start_s = 100, .end_s = 105}};
  const Summary summary = summarise(result);
  EXPECT_EQ(summary.bounded_slowdown.max, 10.5) << "105 / max(5, 10)";
  EXPECT_EQ(summary.bounded_slowdown.mean, (1 + 10.5) / 2);
  EXPECT_EQ(summary.bounded_slowdown.median, 1);
  EXPECT_EQ(summary.wait_s.mean, 50);
  EXPECT_EQ(summary.makespan_s, 105);
  EXPECT_DOUBLE_EQ(summary.utilisation, 405.0 / (4 * 105));
}

TEST(Gantt, DrawsEveryAttempt) {
  const SimResult result = run("easy", four, 10);
  const std::string svg = gantt_svg(result, "a <b> & c");
  EXPECT_NE(svg.find("a &lt;b> &amp; c"), std::string::npos);
  std::size_t bars = 0;
  for (std::size_t at = svg.find("fill=\"hsl"); at != std::string::npos;
       at = svg.find("fill=\"hsl", at + 1))
    ++bars;
  EXPECT_GE(bars, four.size());
}

TEST(Policies, AreFoundByName) {
  EXPECT_EQ(find_policy("sofa").error().code, Code::usage);
  EXPECT_TRUE(find_policy("checkpoint-preemptive"));
}

}  // namespace
}  // namespace sovren::sim
