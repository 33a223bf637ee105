// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/rng.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

JobSpec after(const std::string& what) {
  JobSpec spec = job_with_ranks(1);
  spec.after = what;
  return spec;
}

TEST(Plan, IsLookedAtAgainWhenOthersWaitForWhatItStarts) {
  Cluster cluster;
  cluster.node("a", 2);
  cluster.submit(job_with_ranks(1));
  cluster.submit(after("after:1"));
  const Plan plan = decide(cluster.state, cluster.now, {});
  EXPECT_THAT(actions_text(plan), ElementsAre("start 1 on a x1"));
  EXPECT_EQ(plan.wake_at, cluster.now);
  cluster.carry_out(plan);
  EXPECT_THAT(decided(cluster, {}), ElementsAre("start 2 on a x1"));
}

class Dependencies : public testing::Test {
 protected:
  void SetUp() override { cluster_.node("a", 64); }
  std::vector<std::string> plan() const { return decided(cluster_, config_); }
  Cluster cluster_;
  PolicyConfig config_;
};

TEST_F(Dependencies, AfterWaitsForTheStart) {
  const JobId first = cluster_.submit(job_with_ranks(1));
  cluster_.apply_now(StopRequested{first, Request::stop, "ada"});
  cluster_.submit(after("after:1"));
  EXPECT_THAT(plan(), IsEmpty());
  cluster_.requeue(first);
  cluster_.start(first, "a", 1);
  EXPECT_THAT(plan(), ElementsAre("start 2 on a x1"));
}

TEST_F(Dependencies, OkAndNotOkTakeOneEndEach) {
  const JobId first = cluster_.submit(job_with_ranks(1));
  cluster_.start(first, "a", 1);
  cluster_.submit(after("ok:1"));
  cluster_.submit(after("notok:1"));
  cluster_.submit(after("any:1"));
  EXPECT_THAT(plan(), IsEmpty());
  Cluster failed = cluster_;
  cluster_.finish(first);
  EXPECT_THAT(plan(), ElementsAre("end 3: it depends on job 1 failing, which is COMPLETED",
                                  "start 2 on a x1", "start 4 on a x1"));
  failed.finish(first, JobState::failed);
  EXPECT_THAT(decided(failed, config_),
              ElementsAre("end 2: it depends on job 1 being COMPLETED, which is FAILED",
                          "start 3 on a x1", "start 4 on a x1"));
}

TEST_F(Dependencies, OfAnArrayAreOfAllItsElements) {
  cluster_.submit_array(job_with_ranks(1), 3);
  for (int i = 1; i <= 3; ++i) cluster_.start({i}, "a", 1);
  cluster_.submit(after("ok:1"));
  cluster_.submit(after("notok:1"));
  cluster_.submit(after("corr:1"));
  cluster_.finish({1});
  cluster_.finish({3}, JobState::failed);
  EXPECT_THAT(plan(), IsEmpty()) << "element 2 still runs";
  cluster_.finish({2});
  EXPECT_THAT(plan(), ElementsAre(HasSubstr("end 4: it depends on array 1 being COMPLETED"),
                                  HasSubstr("end 6: "), "start 5 on a x1"));
}

TEST_F(Dependencies, CorrespondingElementsGoInPairs) {
  cluster_.submit_array(job_with_ranks(1), 3);
  for (int i = 1; i <= 3; ++i) cluster_.start({i}, "a", 1);
  cluster_.submit_array(after("corr:1"), 4);
  cluster_.finish({2});
  EXPECT_THAT(plan(), ElementsAre("end 7: it depends on element 3 of array 1, which has none",
                                  "start 5 on a x1"));
}

TEST_F(Dependencies, ASingletonWaitsForThoseOfItsNameAndUser) {
  cluster_.submit(job_with_ranks(1));
  cluster_.start({1}, "a", 1);
  cluster_.submit(after("singleton"));
  cluster_.submit(after("singleton"), "bob");
  cluster_.submit(after("singleton"));
  EXPECT_THAT(plan(), ElementsAre("start 3 on a x1"));
  cluster_.finish({1});
  EXPECT_THAT(plan(), ElementsAre("start 2 on a x1", "start 3 on a x1"));
}

TEST_F(Dependencies, OnAnUnknownJobCanNeverBe) {
  cluster_.submit(after("ok:77"));
  EXPECT_THAT(plan(), ElementsAre("end 1: it depends on job 77, which is not known"));
}

TEST_F(Dependencies, KeepAwaitedElementsFromBeingForgotten) {
  cluster_.submit_array(job_with_ranks(1), 3);
  cluster_.submit(after("ok:1"));
  Index index(config_);
  index.rebuild(cluster_.state);
  EXPECT_TRUE(index.is_awaited(cluster_.state.jobs.at({3})));
  EXPECT_FALSE(index.is_awaited(cluster_.state.jobs.at({4})));
}

TEST_F(Dependencies, OfAnElementThatIsRequeuedAreOpenAgain) {
  cluster_.submit_array(job_with_ranks(1), 2);
  for (int i = 1; i <= 2; ++i) cluster_.start({i}, "a", 1);
  const JobId waits = cluster_.submit(after("ok:1"));
  Index index(config_);
  index.rebuild(cluster_.state);
  const auto note = [&](JobId job) { index.update_job(cluster_.state, job); };
  cluster_.finish({1});
  note({1});
  cluster_.requeue({1});
  note({1});
  cluster_.finish({2});
  note({2});
  index.advance(cluster_.state, cluster_.now);
  EXPECT_EQ(index.view().waiting(waits), nullptr) << "element 1 has not ended";
}

TEST(IndexClock, SetBackHoldsBackWhatHadBegun) {
  PolicyConfig config;
  Cluster cluster;
  cluster.node("a", 1);
  JobSpec later = job_with_ranks(1);
  later.begin = format_utc(cluster.now + 100.0);
  const JobId job = cluster.submit(later);
  Index index(config);
  index.rebuild(cluster.state);
  index.advance(cluster.state, cluster.now + 200.0);
  EXPECT_NE(index.view().waiting(job), nullptr);
  index.advance(cluster.state, cluster.now + 50.0);
  EXPECT_EQ(index.view().waiting(job), nullptr);
}

// Random events; what they touched is told to the index, as the engine does.
class RandomEvents {
 public:
  RandomEvents(std::uint64_t seed, const PolicyConfig& config)
      : random_(seed), config_(config), index_(config) {
    cluster.now = *parse_utc("2026-11-26T00:00:00Z");
    for (int n = 0; n < 3; ++n) join(n);
    index_.rebuild(cluster.state);
  }

  int below(int bound) {
    return static_cast<int>(random_.below(draw_++, static_cast<std::uint64_t>(bound)));
  }
  Plan plan() { return decide(cluster.state, index_, cluster.now, config_); }
  const Index& index() const { return index_; }

  std::string step() {
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        return submit();
      case 3:
        return submit_array();
      case 4:
      case 5:
        return carry_out();
      case 6:
      case 7:
        return end_one();
      case 8:
        return ask_one();
      case 9:
        return change_node();
      case 10:
        return revive_or_forget();
      default:
        cluster.now = cluster.now + (below(3) == 0 ? 1.0 * below(4000) : 1.0 * below(50));
        return "time";
    }
  }

  Cluster cluster;

 private:
  void tell(JobId job) { index_.update_job(cluster.state, job); }

  void join(int n) {
    NodeJoined joined{"n" + std::to_string(n), {.cpus = 2 + below(3), .gpus = below(2)}};
    if (below(2) == 0) joined.resources.labels["zone"] = below(2) == 0 ? "x" : "y";
    cluster.apply_now(joined);
  }

  std::string dependency() {
    if (cluster.state.last_job == 0) return "";
    static constexpr std::array kinds{"after", "any", "ok", "notok", "corr"};
    std::string text;
    for (int n = 1 + below(2); n > 0; --n) {
      if (!text.empty()) text += ",";
      if (below(4) == 0)
        text += "singleton";
      else
        text += std::string(kinds[static_cast<std::size_t>(below(5))]) + ":" +
                std::to_string(1 + below(static_cast<int>(cluster.state.last_job)));
    }
    return text;
  }

  JobSpec spec() {
    JobSpec spec = below(2) == 0 ? soft_job(1 + below(4), 1 + below(5000))
                                 : plain_job(1 + below(4), 1 + below(5000));
    spec.name = std::string(1, static_cast<char>('a' + below(3)));
    spec.priority = below(3);
    if (below(3) == 0) spec.after = dependency();
    if (below(6) == 0) spec.begin = format_utc(cluster.now + 1.0 * below(200));
    if (below(6) == 0) spec.deadline = format_utc(cluster.now + 1.0 * below(9000));
    if (below(6) == 0) spec.labels["zone"] = "x";
    if (below(4) == 0) spec.qos = "urgent";
    if (below(4) == 0) spec.resources.nodes = 2;
    spec.resources.ranks = std::max(spec.resources.ranks, spec.resources.nodes);
    if (below(8) == 0) spec.resources.exclusive = true;
    if (below(8) == 0) spec.resources.gpus_per_rank = 1;
    if (below(4) == 0) spec.resources.ranks_max = spec.resources.ranks + 2;
    return spec;
  }
  std::string user() { return std::string("u") + static_cast<char>('0' + below(3)); }

  std::string submit() {
    const JobId job = cluster.submit(spec(), user());
    tell(job);
    return "submit " + std::to_string(job.value) + " after " +
           cluster.state.jobs.at(job).spec->after;
  }
  std::string submit_array() {
    JobSpec template_spec = spec();
    template_spec.array_max_running = below(3);
    const int elements = 2 + below(3);
    const JobId first = cluster.submit_array(template_spec, elements, user());
    for (int i = 0; i < elements; ++i) tell({first.value + i});
    return "array " + std::to_string(first.value);
  }
  std::string carry_out() {
    Plan all = plan();
    Plan some;
    for (const Action& action : all.actions)
      if (below(4) != 0) some.actions.push_back(action);
    cluster.carry_out(some);
    for (const Action& action : some.actions)
      std::visit(
          [&](const auto& one) {
            if constexpr (requires { one.job; })
              tell(one.job);
            else
              index_.update_node(cluster.state, one.node);
          },
          action);
    return "carry out " + std::to_string(some.actions.size());
  }

  template <class Is>
  std::optional<JobId> any_job(Is is) {
    std::vector<JobId> jobs;
    for (const auto& [id, job] : cluster.state.jobs)
      if (is(job)) jobs.push_back(id);
    if (jobs.empty()) return std::nullopt;
    return jobs[static_cast<std::size_t>(below(static_cast<int>(jobs.size())))];
  }

  std::string end_one() {
    const auto job = any_job([](const Job& one) { return one.state == JobState::running; });
    if (!job) return "nothing ends";
    if (below(3) == 0) {
      cluster.end(*job, static_cast<Ending>(below(6)));
      tell(*job);  // COMPLETING
      cluster.apply_now(JobRequeued{*job, cluster.now + 1.0 * below(60), true, "again"});
    } else {
      cluster.finish(*job, below(3) == 0 ? JobState::failed : JobState::completed);
    }
    tell(*job);
    return "end " + std::to_string(job->value);
  }
  std::string ask_one() {
    const auto job = any_job([](const Job& one) { return !is_final(one.state); });
    if (!job) return "nothing to ask";
    const auto request = static_cast<Request>(below(4));
    if (cluster.state.jobs.at(*job).state == JobState::pending && below(2) == 0)
      cluster.finish(*job, JobState::cancelled);
    else
      cluster.apply_now(StopRequested{*job, request, "ada"});
    tell(*job);
    return std::string(request_name(request)) + " " + std::to_string(job->value);
  }
  std::string change_node() {
    const int n = below(3);
    const std::string name = "n" + std::to_string(n);
    const int what = below(8);
    if (what < 2)
      cluster.apply_now(NodeLeft{name, "gone"});
    else if (what < 4)
      cluster.apply_now(NodeDrained{name, "broken", "ada"});
    else if (what < 6)
      cluster.apply_now(NodeResumed{name, "ada"});
    else if (what == 6)
      cluster.apply_now(NodeJoined{name, cluster.state.nodes.at(name).resources});
    else
      join(n);
    index_.update_node(cluster.state, name);
    return "node " + name;
  }
  std::string revive_or_forget() {
    const auto job = any_job([](const Job& one) { return is_final(one.state) || one.is_held; });
    if (!job) return "none has ended";
    const Job& one = cluster.state.jobs.at(*job);
    if (below(2) == 0) {
      if (one.state == JobState::running) return "none has ended";
      cluster.apply_now(JobRequeued{*job, cluster.now, false, "begun anew"});
    } else {
      if (!is_final(one.state) || index_.is_awaited(one)) return "none can be forgotten";
      cluster.apply_now(JobsForgotten{{*job}});
    }
    tell(*job);
    return "revive or forget " + std::to_string(job->value);
  }

  Philox random_;
  std::uint64_t draw_ = 0;
  const PolicyConfig& config_;
  Index index_;
};

PolicyConfig random_config(std::uint64_t seed) {
  PolicyConfig config;
  config.order = static_cast<Order>(seed % 8);
  config.preemption.is_on = seed % 3 != 0;
  config.backfill = seed % 2 == 0 ? Backfill::easy : Backfill::conservative;
  config.breaker_failures = 2;
  config.site.qos = {{.name = "urgent", .preempts = {""}, .limits = {.cpus = 5}}};
  config.site.user_limits.running_jobs = 3;
  return config;
}

// The law of view.h and index.h: kept in step or made anew, it is the same, and so is the plan.
TEST(Index, KeptInStepIsTheSameAsMadeAnew) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const PolicyConfig config = random_config(seed);
    RandomEvents events(seed, config);
    for (int step = 0; step < 60; ++step) {
      const std::string what = events.step();
      const Plan kept = events.plan();
      Index anew(config);
      anew.rebuild(events.cluster.state);
      const Plan made = decide(events.cluster.state, anew, events.cluster.now, config);
      ASSERT_TRUE(events.index().view().same_as(anew.view()))
          << "seed " << seed << " step " << step << ": " << what;
      ASSERT_EQ(actions_text(kept), actions_text(made))
          << "seed " << seed << " step " << step << ": " << what;
      ASSERT_EQ(kept.wake_at, made.wake_at) << "seed " << seed << " step " << step << ": " << what;
    }
  }
}

// The law of policy.h: a plan, once carried out, leaves nothing to do at the same moment.
TEST(Index, APlanCarriedOutLeavesNothingToDo) {
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const PolicyConfig config = random_config(seed);
    RandomEvents events(1000 + seed, config);
    for (int step = 0; step < 60; ++step) {
      events.step();
      Cluster after = events.cluster;
      const Plan plan = decide(after.state, after.now, config);
      if (plan.wake_at == after.now) continue;  // others wait for what it starts or ends
      after.carry_out(plan);
      const Plan again = decide(after.state, after.now, config);
      ASSERT_THAT(actions_text(again), IsEmpty())
          << "seed " << seed << " step " << step << " after "
          << testing::PrintToString(actions_text(plan));
      if (again.wake_at) {
        ASSERT_TRUE(plan.wake_at) << "seed " << seed << " step " << step;
        ASSERT_GE(*again.wake_at, *plan.wake_at) << "seed " << seed << " step " << step;
      }
    }
  }
}

}  // namespace
}  // namespace sovren::policy
