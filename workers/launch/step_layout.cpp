// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_layout.h"

#include <algorithm>
#include <numeric>

namespace sovren::workers {
namespace {

using Sharing = StepRequest::Sharing;

bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Error never(std::string what) {
  return {.code = Code::refused, .what = std::move(what)};
}

/// Places in the allocation that it may use, those that it must use first.
Result<std::vector<int>> candidates_of(const Allocation& allocation, const StepRequest& request) {
  for (const std::string& name : request.nodelist)
    if (std::none_of(allocation.nodes.begin(), allocation.nodes.end(),
                     [&](const Allocation::Node& node) { return node.name == name; }))
      return fail(never("node " + name + " is none of job " + std::to_string(allocation.job)));
  std::vector<int> wanted, others;
  for (int place = request.relative; place < std::ssize(allocation.nodes); ++place) {
    const std::string& name = allocation.nodes[static_cast<std::size_t>(place)].name;
    if (holds(request.excluded, name)) continue;
    (holds(request.nodelist, name) ? wanted : others).push_back(place);
  }
  if (!request.nodelist.empty() && !request.nodes) return wanted;
  wanted.insert(wanted.end(), others.begin(), others.end());
  return wanted;
}

class Layout {
 public:
  Layout(const Allocation& allocation, const StepRequest& request, std::vector<int> candidates,
         int nodes, int tasks)
      : allocation_(allocation),
        request_(request),
        candidates_(std::move(candidates)),
        nodes_(nodes),
        tasks_(tasks) {}

  /// Nothing: there is no room now.
  std::optional<StepLayout> on(const std::vector<FreeShare>& free) const {
    std::vector<int> chosen = choose(free, nodes_);
    // Of a number that nobody asked for, fewer nodes will do.
    if (!request_.nodes && room(chosen, free) < tasks_) chosen = choose(free, 1);
    if (chosen.empty() || room(chosen, free) < tasks_) return std::nullopt;
    std::sort(chosen.begin(), chosen.end());
    StepLayout layout{.tasks = tasks_};
    for (const int place : chosen) layout.nodes.push_back({.place = place});
    spread(layout, free);
    share_gpus(layout);
    for (const StepLayout::Node& node : layout.nodes)
      if (request_.sharing != Sharing::overlap && node.gpus > free[index(node.place)].gpus)
        return std::nullopt;
    return layout;
  }

 private:
  static std::size_t index(int place) { return static_cast<std::size_t>(place); }
  const Allocation::Node& node(int place) const { return allocation_.nodes[index(place)]; }

  /// Tasks that fit there.
  int room_on(int place, const std::vector<FreeShare>& free) const {
    const int cpus =
        request_.sharing == Sharing::overlap ? node(place).cpus : free[index(place)].cpus;
    if (request_.sharing == Sharing::whole && cpus < node(place).cpus) return 0;
    int tasks = cpus / std::max(1, request_.cpus_per_task);
    if (request_.is_overcommitted && cpus > 0) tasks = std::max(tasks, tasks_);
    if (request_.tasks_per_node) tasks = std::min(tasks, *request_.tasks_per_node);
    return tasks;
  }
  int room(const std::vector<int>& places, const std::vector<FreeShare>& free) const {
    int tasks = 0;
    for (const int place : places) tasks += std::min(tasks_, room_on(place, free));
    return tasks;
  }
  /// At least so many nodes, and more until the tasks fit; empty: there are not as many.
  std::vector<int> choose(const std::vector<FreeShare>& free, int nodes) const {
    std::vector<int> fitting;
    for (const int place : candidates_)
      if (room_on(place, free) > 0) fitting.push_back(place);
    const bool is_fixed = request_.nodes.has_value();
    if (std::ssize(fitting) < nodes) return {};
    std::vector<int> chosen(fitting.begin(), fitting.begin() + nodes);
    if (room(chosen, free) >= tasks_) return chosen;
    // The roomiest, for want of room on the first.
    std::stable_sort(fitting.begin() + std::min(nodes, static_cast<int>(request_.nodelist.size())),
                     fitting.end(),
                     [&](int a, int b) { return room_on(a, free) > room_on(b, free); });
    chosen.assign(fitting.begin(), fitting.begin() + nodes);
    for (auto next = fitting.begin() + nodes;
         !is_fixed && next != fitting.end() && room(chosen, free) < tasks_; ++next)
      chosen.push_back(*next);
    return chosen;
  }
  /// Each node gets a task; block then fills one node after the other, cyclic goes round.
  void spread(StepLayout& layout, const std::vector<FreeShare>& free) const {
    std::vector<int> counts(layout.nodes.size(), 1), rooms;
    const int nodes = static_cast<int>(layout.nodes.size());
    for (const StepLayout::Node& one : layout.nodes)
      rooms.push_back(request_.is_overcommitted && !request_.tasks_per_node
                          ? (tasks_ + nodes - 1) / nodes
                          : room_on(one.place, free));
    const bool is_cyclic = request_.distribution == StepRequest::Distribution::cyclic;
    int left = tasks_ - nodes;
    if (!is_cyclic)
      for (std::size_t i = 0; i < counts.size() && left > 0; ++i) {
        const int more = std::clamp(rooms[i] - 1, 0, left);
        counts[i] += more;
        left -= more;
      }
    for (std::size_t i = 0; left > 0; i = (i + 1) % counts.size())
      if (counts[i] < rooms[i]) ++counts[i], --left;
    number(layout, counts, is_cyclic);
    for (StepLayout::Node& one : layout.nodes) {
      if (request_.sharing == Sharing::whole) one.cpus = node(one.place).cpus;
      if (request_.sharing == Sharing::exact)
        one.cpus = std::min(static_cast<int>(one.tasks.size()) * request_.cpus_per_task,
                            free[index(one.place)].cpus);
    }
  }
  void number(StepLayout& layout, const std::vector<int>& counts, bool is_cyclic) const {
    const auto is_full = [&](std::size_t i) {
      return std::ssize(layout.nodes[i].tasks) >= counts[i];
    };
    std::size_t i = 0;
    for (int task = 0; task < tasks_; ++task) {
      while (is_full(i)) i = (i + 1) % counts.size();
      layout.nodes[i].tasks.push_back(task);
      if (is_cyclic) i = (i + 1) % counts.size();
    }
  }
  void share_gpus(StepLayout& layout) const {
    int left = request_.gpus.value_or(0);
    int nodes_left = static_cast<int>(layout.nodes.size());
    for (StepLayout::Node& one : layout.nodes) {
      const int part = (left + nodes_left - 1) / nodes_left;
      --nodes_left;
      if (request_.gpus_per_task)
        one.gpus = static_cast<int>(one.tasks.size()) * *request_.gpus_per_task;
      else if (request_.gpus_per_node)
        one.gpus = *request_.gpus_per_node;
      else
        one.gpus = request_.gpus ? part : node(one.place).gpus;
      left -= part;
    }
  }

  const Allocation& allocation_;
  const StepRequest& request_;
  const std::vector<int> candidates_;
  const int nodes_;
  const int tasks_;
};

}  // namespace

Result<std::optional<StepLayout>> lay_out(const Allocation& allocation, const StepRequest& request,
                                          const std::vector<FreeShare>& free) {
  SOVREN_TRY(candidates, candidates_of(allocation, request));
  const int most = static_cast<int>(candidates.size());
  int nodes = request.nodes.value_or(most);
  if (nodes > most || nodes < 1)
    return fail(never("Only allocated " + std::to_string(most) + " nodes asked for " +
                      std::to_string(std::max(1, nodes))));
  const int tasks = request.tasks.value_or(nodes * request.tasks_per_node.value_or(1));
  if (tasks < 1) return fail(never("a step has at least one task"));
  nodes = std::min(nodes, tasks);
  std::vector<FreeShare> all;
  for (const Allocation::Node& node : allocation.nodes) all.push_back({node.cpus, node.gpus});
  const Layout layout(allocation, request, std::move(candidates), nodes, tasks);
  if (!layout.on(all))
    return fail(never("Unable to create step for job " + std::to_string(allocation.job) +
                      ": More processors requested than permitted"));
  return layout.on(free);
}

}  // namespace sovren::workers
