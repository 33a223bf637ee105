// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/core_text/random_state.h"

#include "tests/unit/core_text/random_spec.h"

namespace sovren::testing_text {
namespace {

template <class T>
void maybe(Draw& draw, T& place, T value) {
  if (draw.coin()) place = std::move(value);
}
Instant moment(Draw& draw) {
  return {draw.below(std::int64_t{1} << 42)};
}
int count(Draw& draw) {
  return static_cast<int>(draw.below(1000));
}

void fill(Draw& draw, Job& job) {
  maybe(draw, job.user, draw.text());
  maybe(draw, job.dir, "/jobs/" + draw.text());
  maybe(draw, job.spec_digest, draw.word());
  maybe(draw, job.oldest_set_job, JobId{draw.between(1, 100)});
  job.submitted_at = moment(draw);
  job.state = static_cast<JobState>(draw.below(11));
  maybe(draw, job.attempts, count(draw));
  maybe(draw, job.failures, count(draw));
  maybe(draw, job.not_before, moment(draw));
  maybe(draw, job.why, draw.text());
  maybe(draw, job.is_held, true);
  if (draw.coin()) job.stop_requested = static_cast<Request>(draw.below(5));
  maybe(draw, job.stop_by, draw.word());
  maybe(draw, job.stop_requested_at, moment(draw));
  if (draw.coin()) job.kill_requested_at = moment(draw);
  for (std::int64_t i = draw.below(3); i > 0; --i) job.slots.push_back({draw.word(), count(draw)});
  maybe(draw, job.ranks, count(draw));
  maybe(draw, job.first_started_at, moment(draw));
  maybe(draw, job.started_at, moment(draw));
  maybe(draw, job.seen_at, moment(draw));
  maybe(draw, job.run_s, draw.normal());
  maybe(draw, job.node_s, draw.normal());
  maybe(draw, job.queue_s, draw.uniform());
  maybe(draw, job.sealed_step, draw.below(1000));
  maybe(draw, job.furthest_step, draw.below(1000));
  maybe(draw, job.step_at_start, draw.below(1000));
  maybe(draw, job.sealed_bytes, draw.below(std::int64_t{1} << 50));
  maybe(draw, job.seals, count(draw));
  maybe(draw, job.seal_s, draw.uniform());
  maybe(draw, job.blocked_s, draw.uniform());
  maybe(draw, job.slowdown_s, draw.normal());
  maybe(draw, job.skipped_seals, draw.below(1000));
  maybe(draw, job.plan, {draw.uniform(), draw.uniform(), draw.uniform()});
  maybe(draw, job.restore_s, draw.uniform());
  maybe(draw, job.restores, count(draw));
  maybe(draw, job.kept_at, moment(draw));
  maybe(draw, job.lost_s, draw.uniform());
  maybe(draw, job.breakdowns, count(draw));
  maybe(draw, job.preemptions, count(draw));
  maybe(draw, job.killed_at_step, draw.below(1000));
  maybe(draw, job.kills_at_step, count(draw));
  if (draw.below(4) == 0)
    job.error = std::make_shared<const Error>(
        Error{Code::peer_lost, draw.text(), draw.text(), draw.text(), {draw.text()}});
  maybe(draw, job.digest, draw.word());
  maybe(draw, job.exit_code, count(draw));
  maybe(draw, job.ended_at, moment(draw));
}

void add_jobs(Draw& draw, State& state) {
  for (std::int64_t n = 1; n <= 40; n += draw.between(1, 3)) {
    Job& job = state.jobs[{n}];
    job.id = {n};
    const SpecId shared{draw.between(1, state.last_spec)};
    if (const auto spec = state.specs.find(shared); spec != state.specs.end()) {
      job.spec_id = shared;
      job.spec = spec->second.spec;
      spec->second.jobs += 1;
    } else {
      job.spec = random_spec(static_cast<std::uint64_t>(draw.below(1 << 20)));
    }
    if (!job.spec->array.empty()) {
      job.array_job = {draw.between(1, n)};
      job.element = draw.below(2);
    }
    fill(draw, job);
    state.last_job = n;
  }
}

Node random_node(Draw& draw, const std::string& name) {
  Node node{.name = name,
            .resources = {count(draw), count(draw), draw.below(1 << 30), {{"a", draw.text()}}},
            .instance = draw.word(),
            .is_up = draw.coin(),
            .down_why = draw.text(),
            .drained_why = draw.text()};
  node.drained_by = draw.word();
  node.failures = count(draw);
  node.attempts = count(draw);
  node.is_exclusive = draw.coin();
  node.cpus_used = count(draw);
  node.gpus_used = count(draw);
  node.memory_used_bytes = draw.below(std::int64_t{1} << 40);
  return node;
}

}  // namespace

State random_state(std::uint64_t seed) {
  Draw draw(seed);
  State state;
  state.applied = {draw.between(1, 1 << 30)};
  state.totals = {draw.uniform(), draw.below(1000), draw.uniform(),
                  draw.uniform(), draw.below(1000), draw.uniform()};
  state.half_life_s = draw.uniform() * 1e6;
  state.last_spec = 6;
  for (std::int64_t id = 1; id <= state.last_spec; id += 2)
    state.specs[{id}] = {random_spec(seed * 100 + static_cast<std::uint64_t>(id)), 0};
  for (std::int64_t i = draw.below(4); i > 0; --i) {
    const std::string name = draw.text();
    state.nodes[name] = random_node(draw, name);
  }
  for (std::int64_t i = draw.below(4); i > 0; --i)
    state.usage[{draw.text(), draw.word()}] = {draw.uniform(), draw.uniform(), moment(draw)};
  for (std::int64_t i = draw.below(4); i > 0; --i) {
    const std::string key = draw.text() + std::to_string(i);
    state.request_keys[key] = {{i}, draw.between(1, 5), draw.word()};
    state.request_order[{i}] = key;
  }
  state.last_allocation = draw.below(5);
  for (std::int64_t id = 1; id <= state.last_allocation; ++id)
    state.allocations[{id}] = {{id},        draw.word(), draw.uniform(), moment(draw),
                               draw.word(), draw.coin(), moment(draw),   moment(draw),
                               draw.coin(), draw.text()};
  for (std::int64_t i = draw.below(3); i > 0; --i) state.pool_notes[draw.word()] = draw.text();
  add_jobs(draw, state);
  return state;
}

}  // namespace sovren::testing_text
