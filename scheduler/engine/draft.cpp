// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/draft.h"

#include <utility>

#include "core/base/check.h"

namespace sovren::engine {
namespace {

// What stands in `from` under the key, or that nothing does; the first time only.
template <class Key, class Value>
void keep(std::map<Key, std::optional<Value>>& kept, const std::map<Key, Value>& from,
          const Key& key) {
  if (kept.contains(key)) return;
  const auto found = from.find(key);
  kept[key] = found == from.end() ? std::nullopt : std::optional(found->second);
}

// Kept: optional or pointer, none where there was nothing.
template <class Key, class Kept, class Value>
void put_back(std::map<Key, Kept>& kept, std::map<Key, Value>& to) {
  for (auto& [key, value] : kept) {
    if (value)
      to[key] = std::move(*value);
    else
      to.erase(key);
  }
}

}  // namespace

Draft::~Draft() {
  roll_back();
}

void Draft::begin() {
  applied_ = state_.applied;
  last_job_ = state_.last_job;
  last_spec_ = state_.last_spec;
  last_allocation_ = state_.last_allocation;
  totals_ = state_.totals;
  half_life_s_ = state_.half_life_s;
  jobs_.clear();
  nodes_.clear();
  specs_.clear();
  usage_.clear();
  keys_.clear();
  allocations_.clear();
  notes_.clear();
}

void Draft::add(Instant at, EventBody body) {
  if (events_.empty()) begin();
  remember(body);
  events_.push_back({.seq = {state_.applied.value + 1}, .at = at, .body = std::move(body)});
  apply(state_, events_.back());
}

Result<std::vector<Event>> Draft::commit(EventLog& log, std::span<const JobRecord> ended) {
  if (!events_.empty()) {
    const EventSeq last = events_.back().seq;
    if (auto appended = log.append(events_, ended); !appended) {
      roll_back();
      return fail(std::move(appended).error());
    }
    SOVREN_CHECK(events_.back().seq == last, "this engine is the log's only writer");
  }
  return std::exchange(events_, {});
}

void Draft::remember_job(JobId id) {
  if (jobs_.contains(id)) return;
  const auto found = state_.jobs.find(id);
  if (found == state_.jobs.end()) {
    jobs_[id] = nullptr;
    return;
  }
  const Job& job = found->second;
  jobs_[id] = std::make_unique<Job>(job);
  for (const Slot& slot : job.slots) remember_node(slot.node);
  if (job.spec_id.value != 0) remember_spec(job.spec_id);
  keep(usage_, state_.usage, Association{job.spec->account, job.user, job.spec->qos});
}

void Draft::remember_node(const std::string& name) {
  keep(nodes_, state_.nodes, name);
}

void Draft::remember_spec(SpecId id) {
  keep(specs_, state_.specs, id);
}

void Draft::remember(const EventBody& body) {
  std::visit(
      [&](const auto& event) {
        if constexpr (requires { event.node; }) remember_node(event.node);
        if constexpr (requires { event.slots; })
          for (const Slot& slot : event.slots) remember_node(slot.node);
        if constexpr (requires { event.spec_id; }) remember_spec(event.spec_id);
        if constexpr (requires { event.job; }) remember_job(event.job);
        if constexpr (requires { event.jobs; })
          for (const JobId job : event.jobs) remember_job(job);
        if constexpr (requires { event.request_key; }) remember_key(event.request_key);
        if constexpr (requires { event.allocation; })
          keep(allocations_, state_.allocations, event.allocation);
        if constexpr (requires { event.note; }) keep(notes_, state_.pool_notes, event.pool);
      },
      body);
}

// A new key may let the oldest go.
void Draft::remember_key(const std::string& key) {
  if (key.empty()) return;
  keep(keys_, state_.request_keys, key);
  std::size_t coming = keys_.size();
  for (const auto& [job, old] : state_.request_order) {
    if (state_.request_order.size() + coming <= request_keys_max || coming == 0) break;
    keep(keys_, state_.request_keys, old);
    --coming;
  }
}

void Draft::roll_back() {
  if (events_.empty()) return;
  events_.clear();
  state_.applied = applied_;
  state_.last_job = last_job_;
  state_.last_spec = last_spec_;
  state_.last_allocation = last_allocation_;
  state_.totals = totals_;
  state_.half_life_s = half_life_s_;
  put_back(jobs_, state_.jobs);
  put_back(nodes_, state_.nodes);
  put_back(specs_, state_.specs);
  put_back(usage_, state_.usage);
  put_back(keys_, state_.request_keys);
  put_back(allocations_, state_.allocations);
  put_back(notes_, state_.pool_notes);
  state_.request_order.clear();
  for (const auto& [key, request] : state_.request_keys) state_.request_order[request.first] = key;
}

}  // namespace sovren::engine
