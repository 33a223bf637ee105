// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/engine/host.h"
#include "tests/unit/engine/sim_cluster.h"

namespace sovren::engine {

/// A daemon without a thread: each call is carried out at once.
class Daemon : public testing::Test {
 protected:
  Daemon() {
    config_.engine = {.on_restart = OnRestart::readopt, .jobs_dir = "/jobs"};
    config_.engine.history = &log_.history();
    config_.engine.policy.preemption.is_on = false;
  }
  void SetUp() override { restart(); }

  void restart() {
    host_.reset();
    auto opened = EngineHost::open(log_, clock_, config_);
    ASSERT_TRUE(opened) << to_text(opened.error());
    host_ = std::move(*opened);
  }

  Result<HelloReply> hello(const std::string& node, std::vector<HeldAttempt> attempts = {},
                           const std::string& instance = "1", int cpus = 2) {
    Result<HelloReply> got = fail({.what = "no answer"});
    EXPECT_TRUE(host_->hello({.node = node,
                              .instance = node + "-" + instance,
                              .version = "1",
                              .resources = {.cpus = cpus},
                              .attempts = std::move(attempts)},
                             [&](Result<HelloReply> reply) { got = std::move(reply); }));
    host_->pump();
    if (got) after_[node] = got->orders_after;
    return got;
  }
  /// What the node is told, as text: "start 1.1", "kill 1.1", "seal 10 of 1.1", ...
  std::vector<std::string> orders(const std::string& node, const std::string& instance = "1");

  Result<std::int64_t> tell(const std::string& node, JobId job, int attempt,
                            decltype(AttemptNews::what) what, const std::string& instance = "1") {
    Result<std::int64_t> got = 0;
    const std::int64_t number = ++told_[node + "-" + instance];
    EXPECT_TRUE(host_->tell(node,
                            {.instance = node + "-" + instance,
                             .news = {{number, {job, attempt, std::move(what), ""}}}},
                            [&](Result<std::int64_t> reply) { got = std::move(reply); }));
    host_->pump();
    return got;
  }
  Result<void> write(std::function<Result<void>(Engine&)> intake) {
    Result<void> got = fail({.what = "no answer"});
    EXPECT_TRUE(host_->write(std::move(intake), [&](Result<void> done) { got = std::move(done); }));
    host_->pump();
    return got;
  }
  Result<Queued> queue(std::function<void(QueueRequest&, JobSpec&)> change = nullptr) {
    JobSpec spec;
    spec.name = "x";
    QueueRequest request{.user = "ada", .spec = {}};
    if (change) change(request, spec);
    request.spec = SharedSpec(spec);
    Queued queued;
    SOVREN_DO(write([&](Engine& engine) {
      return engine.queue(request).map([&](Queued made) { queued = made; });
    }));
    return queued;
  }
  void pass(double seconds) {
    clock_.advance(static_cast<std::int64_t>(seconds * 1000));
    host_->pump();
  }
  /// The job's attempt tells its result and ends.
  void finish(const std::string& node, JobId job) {
    const int attempt = this->job(job).attempts;
    (void)tell(node, job, attempt, RankReport(ReportFinished{100, "d1gest", {}}));
    (void)tell(node, job, attempt, AttemptExited{0, std::nullopt});
  }

  const State& state() const { return host_->engine().state(); }
  const Job& job(JobId id = {1}) const { return state().jobs.at(id); }
  const Node& node(const std::string& name) const { return state().nodes.at(name); }

  HostConfig config_;
  SimClock clock_;
  FaultyLog log_;
  std::unique_ptr<EngineHost> host_;
  std::map<std::string, std::int64_t> after_;
  std::map<std::string, std::int64_t> told_;
};

}  // namespace sovren::engine
