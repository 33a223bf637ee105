// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/draft.h"

#include <utility>

#include "core/base/check.h"

namespace sovren::engine {

Draft::Draft(State& state, Instant at)
    : state_(state),
      at_(at),
      applied_(state.applied),
      last_job_(state.last_job),
      totals_(state.totals) {}

Draft::~Draft() {
  roll_back();
}

void Draft::add(EventBody body) {
  remember(body);
  events_.push_back({.seq = {state_.applied.value + 1}, .at = at_, .body = std::move(body)});
  apply(state_, events_.back());
}

Result<std::vector<Event>> Draft::commit(EventLog& log) {
  if (!events_.empty()) {
    const EventSeq last = events_.back().seq;
    if (auto appended = log.append(events_); !appended) {
      roll_back();
      return fail(std::move(appended).error());
    }
    SOVREN_CHECK(events_.back().seq == last, "this engine is the log's only writer");
  }
  return std::exchange(events_, {});
}

void Draft::remember_node(const std::string& node) {
  if (nodes_.contains(node)) return;
  const auto found = state_.nodes.find(node);
  nodes_[node] = found == state_.nodes.end() ? std::nullopt : std::optional(found->second);
}

void Draft::remember(const EventBody& body) {
  std::visit(
      [&](const auto& event) {
        if constexpr (requires { event.node; }) remember_node(event.node);
        if constexpr (requires { event.job; }) {
          if (jobs_.contains(event.job)) return;
          const auto found = state_.jobs.find(event.job);
          if (found == state_.jobs.end()) {
            jobs_[event.job] = std::nullopt;
            return;
          }
          jobs_[event.job] = found->second;
          if (!found->second.node.empty()) remember_node(found->second.node);
        }
      },
      body);
}

void Draft::roll_back() {
  if (events_.empty()) return;
  events_.clear();
  state_.applied = applied_;
  state_.last_job = last_job_;
  state_.totals = totals_;
  for (auto& [id, job] : jobs_) {
    if (job)
      state_.jobs[id] = std::move(*job);
    else
      state_.jobs.erase(id);
  }
  for (auto& [name, node] : nodes_) {
    if (node)
      state_.nodes[name] = std::move(*node);
    else
      state_.nodes.erase(name);
  }
}

}  // namespace sovren::engine
