// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/explain.h"

#include <algorithm>

#include "scheduler/policy/pool.h"
#include "scheduler/policy/preemption.h"

namespace sovren::policy {
namespace {

std::string count_of(std::int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

// What there is of that which there is too little of.
std::string lacks(const Resources& r, const Room& room, int ranks) {
  if (r.backend == Backend::cuda && room.gpus_total == 0) return "no GPU";
  if (room.is_exclusive) return "a job that holds it as a whole";
  if (r.exclusive && !room.is_idle()) return count_of(room.attempts, "other job");
  if (std::int64_t{ranks} * r.gpus_per_rank > room.gpus)
    return std::to_string(std::max<std::int64_t>(room.gpus, 0)) + " of " +
           count_of(room.gpus_total, "GPU") + " free";
  if (r.memory_per_rank_bytes > 0 && ranks * r.memory_per_rank_bytes > room.memory_bytes)
    return format_size(std::max<std::int64_t>(room.memory_bytes, 0)) + " of " +
           format_size(room.memory_total_bytes) + " free";
  return std::to_string(std::max<std::int64_t>(room.cpus, 0)) + " of " +
         count_of(room.cpus_total, "core") + " free";
}

int least_on_a_node(const Resources& r) {
  return std::max(1, r.ranks_min.value_or(r.ranks) / std::max(1, r.nodes));
}

std::string label_missing(const ViewNode& node, const Shape& shape) {
  for (const auto& [key, value] : shape.labels) {
    const auto found = node.resources.labels.find(key);
    if (found == node.resources.labels.end()) return "has no label " + key;
    if (found->second != value) return "its " + key + " is " + found->second + ", not " + value;
  }
  return "";
}

// Why this node is of no use to the job now; empty when it is.
std::string why_not_here(const View& view, const Ask& ask, std::size_t number,
                         const std::vector<int>& open) {
  const ViewNode& node = view.nodes()[number];
  const Shape& shape = view.shape_of(ask);
  if (!node.is_usable) return "is down or drained";
  if (std::string missing = label_missing(node, shape); !missing.empty()) return missing;
  const auto allowed = view.allowed(ask);
  const int id = static_cast<int>(number);
  if (!std::binary_search(allowed.begin(), allowed.end(), id))
    return "is not in partition " + shape.partition;
  if (!std::binary_search(open.begin(), open.end(), id)) return "is reserved";
  const int ranks = least_on_a_node(shape.resources);
  Resources one = shape.resources;
  one.nodes = 1;
  one.ranks = ranks;
  one.ranks_min.reset();
  if (ranks_in(one, Growth::up_to_ranks, node.room) > 0) return "";
  return "has " + lacks(shape.resources, node.room, ranks);
}

std::string wants(const Resources& r) {
  const int ranks = r.ranks_min.value_or(r.ranks);
  const std::int64_t cores = std::int64_t{ranks} * std::max(1, r.cpus_per_rank);
  std::string text = count_of(cores, "free core");
  if (r.gpus_per_rank > 0)
    text += ", " + count_of(std::int64_t{ranks} * r.gpus_per_rank, "free GPU");
  if (r.memory_per_rank_bytes > 0)
    text += ", " + format_size(ranks * r.memory_per_rank_bytes) + " of memory";
  if (r.nodes > 1) text += " on " + std::to_string(r.nodes) + " nodes";
  if (r.exclusive) text += ", nodes of its own";
  return text;
}

Reason wait_for_room(const View& view, const Ask& ask) {
  const Resources& r = view.shape_of(ask).resources;
  const auto allowed = view.allowed(ask);
  if (view.nodes().empty()) return {"Resources", "no node has joined"};
  if (allowed.empty())
    return {"ReqNodeNotAvail", "no node that is up has its labels and is in its partition"};
  const auto& nodes = view.nodes();
  const int most = *std::max_element(allowed.begin(), allowed.end(), [&](int a, int b) {
    return nodes[static_cast<std::size_t>(a)].room.cpus <
           nodes[static_cast<std::size_t>(b)].room.cpus;
  });
  const ViewNode& node = nodes[static_cast<std::size_t>(most)];
  const std::int64_t cores = std::int64_t{least_on_a_node(r)} * std::max(1, r.cpus_per_rank);
  const std::string asks =
      cores > node.room.cpus_total ? "an idle node to share its cores among its ranks" : wants(r);
  return {"Resources", "waits for " + asks + ": " + node.name + " has " +
                           lacks(r, node.room, least_on_a_node(r))};
}

std::string names(const std::string& after) {
  return "waits for other jobs (after = \"" + after + "\")";
}

}  // namespace

Reason reason_of(const State& state, const Index& index, JobId id, Instant now,
                 const PolicyConfig& config) {
  const Job& job = state.jobs.at(id);
  if (job.state != JobState::pending) return {"None", job.why};
  const View& view = index.view();
  if (const auto never = index.impossible().find(id); never != index.impossible().end())
    return {"DependencyNeverSatisfied", never->second};
  if (job.is_held)
    return {"JobHeldUser",
            job.why.empty() ? "held; release it to start it" : job.why + "; release it to go on"};
  if (job.not_before > now) {
    const std::string until = "waits until " + format_utc(job.not_before);
    return {"BeginTime", job.why.empty() ? until + ", its begin time" : until + ": " + job.why};
  }
  const Ask* ask = view.waiting(id);
  if (ask == nullptr) return {"Dependency", names(job.spec->after)};
  const Gate gate(view, config, now);
  if (const auto bar = gate.bar(*ask)) return {bar->code, bar->text};
  std::vector<int> kept;
  const auto nodes = gate.nodes(*ask, kept);
  if (nodes.size() < view.allowed(*ask).size() && nodes.empty() && gate.next_change())
    return {"Reservation", "its nodes are reserved until " + format_utc(*gate.next_change())};
  const Shape& shape = view.shape_of(*ask);
  if (place(shape.resources, Growth::up_to_ranks, view.rooms(), nodes))
    return {"Priority", "there is room, but it is kept for jobs that come first"};
  Reason reason = nodes.empty() && !view.allowed(*ask).empty()
                      ? Reason{"Resources", "the allocations of its nodes end before it would"}
                      : wait_for_room(view, *ask);
  if (const std::string prospect = pool_prospect(state, config, shape, *ask); !prospect.empty()) {
    reason.code = "Resources";
    reason.text += "; " + prospect;
  }
  return reason;
}

namespace {

// Those ahead start and run as long as they asked for, in order.
class Forecast {
 public:
  Forecast(const View& view, const Gate& gate, Instant now)
      : view_(view), gate_(gate), now_(now), rooms_(view.rooms()) {}

  std::optional<Promise> place_of(const Candidate& candidate) {
    const auto nodes = gate_.nodes(candidate.ask(), kept_);
    const Resources& wanted = view_.shape_of(candidate.ask()).resources;
    if (auto fits = place(wanted, Growth::up_to_ranks, rooms_, nodes))
      return Promise{candidate.place.job, now_, {}, std::move(fits->shares)};
    return promise_to(view_, candidate, nodes, rooms_, started_, now_);
  }

  void start(const Candidate& candidate) {
    const auto promise = place_of(candidate);
    if (!promise) return;
    const Ask& ask = candidate.ask();
    for (const Share& share : promise->shares)
      take(rooms_[static_cast<std::size_t>(share.node)], view_.shape_of(ask).resources,
           share.ranks);
    started_.push_back({.job = candidate.place.job,
                        .ask = ask,
                        .shares = promise->shares,
                        .started_at = promise->at,
                        .expected_end = promise->at + ask.estimate_s});
  }

 private:
  const View& view_;
  const Gate& gate_;
  Instant now_;
  std::vector<Room> rooms_;
  std::vector<RunningJob> started_;
  std::vector<int> kept_;
};

void find_place_in_line(Explanation& out, const View& view, JobId id, const Gate& gate,
                        const Scorer& scorer, Instant now) {
  constexpr int forecast_max = 300;  // further back, an estimate says nothing
  Line line(view, scorer);
  Forecast forecast(view, gate, now);
  while (const auto candidate = line.next()) {
    line.more_of(*candidate);
    const bool is_barred = gate.bar(candidate->ask()).has_value();
    const bool is_it = candidate->place.job == id;
    if (is_barred && !is_it) continue;
    if (++out.position == Explanation::position_max) return;
    const bool is_near = out.position <= forecast_max;
    if (is_it) {
      if (is_near && !is_barred)
        if (const auto promise = forecast.place_of(*candidate)) out.estimated_start = promise->at;
      return;
    }
    out.ahead.insert(out.ahead.begin(), candidate->place.job);
    if (out.ahead.size() > 10) out.ahead.pop_back();
    if (is_near) forecast.start(*candidate);
  }
}

void advise(Explanation& out, const Job& job, const Ask& ask, const Resources& r) {
  if (!r.ranks_min && r.ranks > 1)
    out.advice.push_back("resources.ranks_min lets it start on fewer ranks");
  if (!job.spec->resources.time_limit_s)
    out.advice.push_back("resources.time_limit lets it be backfilled into gaps");
  if (!ask.can_preempt)
    out.advice.push_back("with checkpoints it could start at once and make room when asked");
  if (r.exclusive) out.advice.push_back("without resources.exclusive it could share nodes");
}

}  // namespace

Explanation explain(const State& state, const Index& index, JobId id, Instant now,
                    const PolicyConfig& config) {
  Explanation out;
  out.reason = reason_of(state, index, id, now, config);
  const Job& job = state.jobs.at(id);
  const View& view = index.view();
  const Ask* ask = view.waiting(id);
  if (ask == nullptr) return out;
  const Uses uses{.usage = &state.usage, .half_life_s = state.half_life_s};
  out.priority = Multifactor(view, config, uses, now).priority(*ask, job.submitted_at);

  const Gate gate(view, config, now);
  std::vector<int> kept;
  const auto nodes = gate.nodes(*ask, kept);
  const std::vector<int> open(nodes.begin(), nodes.end());
  for (std::size_t i = 0; i < view.nodes().size(); ++i) {
    std::string why = why_not_here(view, *ask, i, open);
    if (why.empty())
      ++out.nodes_fitting;
    else
      out.nodes.emplace_back(view.nodes()[i].name, std::move(why));
  }
  const Scorer scorer = config.preemption.is_on ? feedback_order(view, config, uses, now)
                                                : Scorer(view, config, uses, config.order, now);
  find_place_in_line(out, view, id, gate, scorer, now);
  advise(out, job, *ask, view.shape_of(*ask).resources);
  return out;
}

}  // namespace sovren::policy
