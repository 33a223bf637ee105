// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/rng.h"
#include "scheduler/policy/schedule.h"
#include "tests/unit/policy/cluster.h"

namespace sovren::policy {

/// A random View with running and waiting jobs whose estimates are exact, and its future.
class Machine {
 public:
  explicit Machine(std::uint64_t seed, int nodes_most = 4) : random_(seed, 3) {
    std::vector<ViewNode> nodes;
    for (int n = 0, count = 1 + below(nodes_most); n < count; ++n) {
      const int cpus = 2 + below(7);
      const int gpus = below(3);
      nodes.push_back({.name = std::string("n") + static_cast<char>('a' + n),
                       .resources = {.cpus = cpus, .gpus = gpus, .memory_bytes = 1000},
                       .room = idle_room(cpus, gpus, 1000)});
    }
    view_.set_nodes(std::move(nodes));
    for (int j = below(8); j > 0; --j) run_one();
    for (int j = 4 + below(16); j > 0; --j) {
      const JobId job{++last_};
      view_.wait({{last_}, job}, random_ask());
    }
  }

  View& view() { return view_; }
  Instant now() const { return now_; }

  void start(const Choice& choice) {
    const Ask ask = *view_.waiting(choice.job);
    begin(choice.job, ask, choice.placement);
  }
  /// Time goes on to the next ends; false: nobody runs.
  bool end_next() {
    if (view_.running().empty()) return false;
    now_ = view_.by_end().begin()->first.first;
    while (!view_.running().empty() && view_.by_end().begin()->first.first <= now_)
      view_.remove(view_.by_end().begin()->first.second);
    return true;
  }
  /// What is free once all that end until `at` have, and these have started now.
  std::vector<Room> rooms_at(Instant at, const std::vector<Choice>& started) const {
    std::vector<Room> rooms = view_.rooms();
    for (const auto& [id, job] : view_.running())
      if (job.expected_end <= at)
        for (const Share& share : job.shares)
          give_back(rooms[static_cast<std::size_t>(share.node)], view_.shape_of(job.ask).resources,
                    share.ranks);
    for (const Choice& choice : started) {
      const Ask& ask = *view_.waiting(choice.job);
      if (at > now_ && now_ + ask.estimate_s <= at) continue;
      for (const Share& share : choice.placement.shares)
        take(rooms[static_cast<std::size_t>(share.node)], view_.shape_of(ask).resources,
             share.ranks);
    }
    return rooms;
  }
  /// Those that neither start nor are promised a start.
  std::vector<JobId> waiting_but(const Schedule& schedule) const {
    std::vector<JobId> jobs;
    for (const auto& [ask, group] : view_.groups())
      for (const Place& place : group.waiting) jobs.push_back(place.job);
    std::erase_if(jobs, [&](JobId job) {
      return (schedule.promise && schedule.promise->job == job) ||
             std::any_of(schedule.choices.begin(), schedule.choices.end(),
                         [&](const Choice& choice) { return choice.job == job; });
    });
    return jobs;
  }

 private:
  int below(int bound) {
    return static_cast<int>(random_.below(draw_++, static_cast<std::uint64_t>(bound)));
  }

  Ask random_ask() {
    Resources r{.oversubscribe = Oversubscribe::no};
    r.nodes = below(4) == 0 ? 2 : 1;
    r.ranks = r.nodes + below(6);
    if (below(4) == 0) r.ranks_min = std::max(r.nodes, r.ranks / 2);
    r.gpus_per_rank = below(5) == 0 ? 1 : 0;
    r.memory_per_rank_bytes = below(3) == 0 ? 150 : 0;
    r.exclusive = below(10) == 0;
    Ask ask;
    ask.shape = view_.shape({r, {}, ""});
    ask.owner = view_.owner({});
    ask.estimate_s = 1.0 + below(50);
    return ask;
  }

  void run_one() {
    const Ask ask = random_ask();
    const std::vector<Room> rooms = view_.rooms();
    if (auto placement =
            place(view_.shape_of(ask).resources, Growth::up_to_ranks, rooms, view_.allowed(ask)))
      begin({++last_}, ask, *placement);
  }

  void begin(JobId job, const Ask& ask, const Placement& placement) {
    view_.start({.job = job,
                 .ask = ask,
                 .submitted = {job.value},
                 .shares = placement.shares,
                 .ranks = placement.ranks,
                 .started_at = now_,
                 .expected_end = now_ + ask.estimate_s});
  }

  Site site_;
  View view_{site_, Order::fcfs};
  Philox random_;
  std::uint64_t draw_ = 0;
  std::int64_t last_ = 0;
  Instant now_{1'000'000};
};

}  // namespace sovren::policy
