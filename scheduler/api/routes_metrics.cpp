// SPDX-License-Identifier: Apache-2.0
// Metrics, and whether the scheduler is alive.
#include <algorithm>
#include <array>

#include "scheduler/api/api.h"
#include "scheduler/api/metrics_text.h"
#include "scheduler/api/views.h"

namespace sovren::api {
namespace {

using engine::Engine;
using Type = MetricsText::Type;

constexpr int states_count = static_cast<int>(JobState::out_of_memory) + 1;

struct Figures {
  std::array<std::int64_t, states_count> jobs{};
  std::int64_t held = 0;
  std::map<std::string_view, std::int64_t> nodes;  ///< by state
  std::int64_t cpus = 0, cpus_used = 0, gpus = 0, gpus_used = 0;
  std::int64_t memory_bytes = 0, memory_used_bytes = 0;
  std::int64_t events = 0, submitted = 0;
  Totals totals;
  std::map<std::string, double> kinds;
  std::vector<policy::PoolFigures> pools;
  std::int64_t allocations = 0;
};

Figures figures_of(const State& state) {
  Figures figures{
      .events = state.applied.value, .submitted = state.last_job, .totals = state.totals};
  for (const auto& [id, job] : state.jobs) {
    ++figures.jobs[static_cast<std::size_t>(job.state)];
    if (job.is_held && job.state == JobState::pending) ++figures.held;
  }
  for (const auto& [name, node] : state.nodes) {
    ++figures.nodes[node_state(node)];
    if (!node.is_up) continue;
    figures.cpus += node.resources.cpus;
    figures.cpus_used += node.cpus_used;
    figures.gpus += node.resources.gpus;
    figures.gpus_used += node.gpus_used;
    figures.memory_bytes += node.resources.memory_bytes;
    figures.memory_used_bytes += node.memory_used_bytes;
  }
  return figures;
}

double as_double(std::int64_t value) {
  return static_cast<double>(value);
}

/// Whole amount and the part in use, as two families.
void add_amount(MetricsText& text, std::string_view what, const std::string& of, std::int64_t whole,
                std::int64_t used) {
  text.single(what, Type::gauge, of + " of nodes that are up.", as_double(whole));
  text.single(std::string(what) + "_used", Type::gauge, of + " that attempts hold.",
              as_double(used));
}

void add_pools(MetricsText& text, const Figures& figures) {
  if (figures.pools.empty()) return;
  text.family("pool_nodes", Type::gauge, "Nodes of pools, by what has become of them.");
  for (const policy::PoolFigures& pool : figures.pools) {
    text.sample(pool.nodes, {{"pool", pool.pool}, {"state", "up"}});
    text.sample(pool.coming, {{"pool", pool.pool}, {"state", "coming"}});
    text.sample(pool.leaving, {{"pool", pool.pool}, {"state", "leaving"}});
  }
  text.family("pool_queued", Type::gauge, "Allocations of pools that the site has not started.");
  for (const policy::PoolFigures& pool : figures.pools)
    text.sample(pool.queued, {{"pool", pool.pool}});
  text.family("pool_wanted", Type::gauge, "More nodes that waiting jobs could use at once.");
  for (const policy::PoolFigures& pool : figures.pools)
    text.sample(pool.wanted, {{"pool", pool.pool}});
  text.single("pool_allocations_total", Type::counter, "Allocations that pools have asked for.",
              as_double(figures.allocations));
}

bool is_metric_name(std::string_view name) {
  return !name.empty() && name.front() >= 'a' && name.front() <= 'z' &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Response metrics_response(const Figures& figures) {
  MetricsText text;
  text.family("jobs", Type::gauge, "Jobs that the scheduler knows, by state.");
  for (int i = 0; i < states_count; ++i)
    text.sample(as_double(figures.jobs[static_cast<std::size_t>(i)]),
                {{"state", state_name(static_cast<JobState>(i))}});
  text.single("jobs_held", Type::gauge, "Waiting jobs that somebody holds.",
              as_double(figures.held));
  text.family("nodes", Type::gauge, "Nodes, by state.");
  for (const char* state : {"IDLE", "MIXED", "ALLOCATED", "DRAINING", "DRAINED", "DOWN"}) {
    const auto found = figures.nodes.find(state);
    text.sample(found == figures.nodes.end() ? 0 : as_double(found->second), {{"state", state}});
  }
  add_amount(text, "cpus", "Cores", figures.cpus, figures.cpus_used);
  add_amount(text, "gpus", "GPUs", figures.gpus, figures.gpus_used);
  add_amount(text, "memory_bytes", "Memory", figures.memory_bytes, figures.memory_used_bytes);
  text.single("jobs_submitted_total", Type::counter, "Jobs ever submitted.",
              as_double(figures.submitted));
  text.single("events_total", Type::counter, "Events in the log.", as_double(figures.events));
  text.single("attempt_run_seconds_total", Type::counter, "Run time of ended attempts.",
              figures.totals.run_s);
  text.single("attempt_breakdowns_total", Type::counter,
              "Attempts that ended through no fault of their job.",
              as_double(figures.totals.breakdowns));
  text.single("attempt_lost_seconds_total", Type::counter,
              "Work that was lost when attempts broke down before it was sealed.",
              figures.totals.lost_s);
  text.single("checkpoints_sealed_total", Type::counter, "Checkpoint sets that jobs have sealed.",
              as_double(figures.totals.seals));
  text.single("checkpoint_blocked_seconds_total", Type::counter,
              "Time that jobs stood still while their state was saved.", figures.totals.blocked_s);
  add_pools(text, figures);
  for (const auto& [name, value] : figures.kinds)
    if (is_metric_name(name))
      text.single(name, Type::gauge, "The newest value that a job has reported.", value);
  return {.body = text.take(), .content_type = "text/plain; version=0.0.4; charset=utf-8"};
}

}  // namespace

Result<void> Api::metrics(Call& call) {
  SOVREN_DO(Query(call.request.target).finish());
  return look(call.responder, [this](const Engine& engine) -> Result<Words> {
    Figures figures = figures_of(engine.state());
    figures.kinds = kind_metrics_;
    if (!engine.config().policy.site.pools.empty()) figures.pools = engine.plan_pools().pools;
    figures.allocations = engine.state().last_allocation;
    return [figures = std::move(figures)] { return metrics_response(figures); };
  });
}

Result<void> Api::ready(Call& call) {
  return look(call.responder, [](const Engine&) -> Result<Words> {
    return [] { return Response{.body = "{\"status\":\"ok\"}\n"}; };
  });
}

}  // namespace sovren::api
