// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/engine/world.h"

#include <gtest/gtest.h>

#include <sstream>

namespace sovren::engine {

Result<void> FaultyLog::append(std::span<Event> events, std::span<const JobRecord> ended) {
  appends += 1;
  const bool is_due = fault != Fault::none && fault_at > 0 && --fault_at == 0;
  if (is_due && fault == Fault::crash_before) throw Crash{};
  if (is_due && fault == Fault::refuse)
    return fail({.code = Code::storage_io, .what = "the disk is full"});
  SOVREN_DO(log_.append(events, ended));
  if (is_due && fault == Fault::crash_after) throw Crash{};
  return {};
}

Result<void> ScriptedLauncher::start(const AttemptOrder& order) {
  if (start_error) return fail(*std::exchange(start_error, std::nullopt));
  orders.push_back(order);
  return {};
}

Result<void> ScriptedLauncher::request(JobId job, int attempt, Request request) {
  if (request_error) return fail(*request_error);
  asked.push_back(std::string(request_name(request)) + " " + std::to_string(job.value) + "." +
                  std::to_string(attempt));
  return {};
}

Result<void> ScriptedLauncher::acknowledge_seal(JobId job, int attempt, std::int64_t step) {
  asked.push_back("seal " + std::to_string(step) + " of " + std::to_string(job.value) + "." +
                  std::to_string(attempt));
  return {};
}

std::vector<AttemptNews> ScriptedLauncher::poll(double timeout_s) {
  if (news.empty()) clock_.advance(timeout_s);
  return std::exchange(news, {});
}

std::string state_text(const State& state) {
  std::ostringstream out;
  out << "applied " << state.applied.value << " last job " << state.last_job << " run_s "
      << state.totals.run_s << " breakdowns " << state.totals.breakdowns << "\n";
  for (const auto& [name, node] : state.nodes)
    out << "node " << name << " " << node.resources.cpus << " cpus " << node.cpus_used << " gpus "
        << node.gpus_used << " memory " << node.memory_used_bytes << "\n";
  for (const auto& [id, allocation] : state.allocations)
    out << "allocation " << id.value << " of " << state.last_allocation << " " << allocation.pool
        << " '" << allocation.site_job << "' started " << allocation.is_started << " at "
        << allocation.started_at.ms << " ends " << allocation.ends_at.ms << " released "
        << allocation.is_released << " " << allocation.why << "\n";
  for (const auto& [pool, note] : state.pool_notes) out << "pool " << pool << ": " << note << "\n";
  for (const auto& [id, job] : state.jobs) {
    out << "job " << id.value << " " << job.user << " " << job.dir << " " << job.spec_digest << " "
        << job.spec->name << " oldest " << job.oldest_set_job.value << " at " << job.submitted_at.ms
        << " " << state_name(job.state) << " attempts " << job.attempts << " failures "
        << job.failures << " not before " << job.not_before.ms << " held " << job.is_held << " '"
        << job.why << "'";
    if (job.stop_requested)
      out << " asked " << request_name(*job.stop_requested) << " by " << job.stop_by << " at "
          << job.stop_requested_at.ms;
    if (job.kill_requested_at) out << " kill at " << job.kill_requested_at->ms;
    out << " on " << job.node() << " x" << job.ranks << " since " << job.started_at.ms << " seen "
        << job.seen_at.ms << " run " << job.run_s << " queue " << job.queue_s << " sealed "
        << job.sealed_step << " furthest " << job.furthest_step << " start " << job.step_at_start
        << " bytes " << job.sealed_bytes << " seals " << job.seals << " " << job.seal_s
        << " skipped " << job.skipped_seals << " every " << job.plan.interval_s << " slowdown "
        << job.slowdown_s << " lost " << job.lost_s << " since " << job.kept_at.ms << " restore "
        << job.restore_s << " killed at " << job.killed_at_step << " " << job.kills_at_step
        << " digest " << job.digest << " ended " << job.ended_at.ms;
    if (job.error) out << " error " << to_text(*job.error);
    out << "\n";
  }
  return out.str();
}

State replayed(const std::vector<Event>& events) {
  State state;
  for (const Event& event : events) apply(state, event);
  return state;
}

World::World(Config config) : config_(config) {
  reopen();
}

void World::reopen() {
  engine_.reset();
  auto opened = Engine::open(log, launcher, clock, config_);
  ASSERT_TRUE(opened) << to_text(opened.error());
  engine_ = std::move(*opened);
  const auto joined = engine_->join_node("here", {.cpus = 2});
  ASSERT_TRUE(joined) << to_text(joined.error());
  const auto committed = engine_->commit();
  ASSERT_TRUE(committed) << to_text(committed.error());
}

JobId World::submit(std::function<void(JobSpec&)> change) {
  JobSpec spec;
  spec.name = "x";
  if (change) change(spec);
  auto job = engine_->submit(Submission{.user = "ada", .dir = "/jobs/x", .spec = spec});
  EXPECT_TRUE(job) << to_text(job.error());
  const auto committed = engine_->commit();
  EXPECT_TRUE(committed) << to_text(committed.error());
  return job.value_or(JobId{});
}

void World::turn_for(double timeout_s) {
  const auto turned = engine_->turn(timeout_s);
  EXPECT_TRUE(turned) << to_text(turned.error());
}

void World::tell(RankReport report, JobId id) {
  launcher.tell(id, job(id).attempts, std::move(report));
  turn();
}

void World::exit(int exit_code, JobId id, std::optional<Error> error) {
  launcher.exit(id, job(id).attempts, exit_code, std::move(error));
  turn();
}

void World::finish(JobId id) {
  launcher.tell(id, job(id).attempts, ReportFinished{100, "d1gest", {}});
  exit(0, id);
}

}  // namespace sovren::engine
