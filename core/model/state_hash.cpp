// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstring>

#include "core/model/state.h"

namespace sovren {
namespace {

// Words and texts in order, mixed by multiplication and rotation (the finaliser of splitmix64):
// against differences that bugs make, not against people.
class Hash {
 public:
  void add(std::uint64_t word) {
    value_ = std::rotl(value_ ^ word, 23) * 0x9E3779B97F4A7C15;
    value_ ^= value_ >> 29;
  }
  void add(std::int64_t word) { add(static_cast<std::uint64_t>(word)); }
  void add(int word) { add(static_cast<std::uint64_t>(static_cast<std::int64_t>(word))); }
  void add(bool word) { add(std::uint64_t{word}); }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  void add(Instant at) { add(at.ms); }
  void add(std::string_view text) {
    add(static_cast<std::uint64_t>(text.size()));
    for (std::size_t at = 0; at < text.size(); at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, text.data() + at, std::min<std::size_t>(8, text.size() - at));
      add(word);
    }
  }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const char*) = delete;
  template <class Tag>
  void add(Id<Tag> id) {
    add(id.value);
  }
  template <class Enum>
  requires std::is_enum_v<Enum>
  void add(Enum value) { add(static_cast<std::int64_t>(value)); }
  template <class T>
  void add(const std::optional<T>& value) {
    add(value.has_value());
    if (value) add(*value);
  }
  template <class... Ts>
  void all(const Ts&... values) {
    (add(values), ...);
  }
  std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0x50564E5245564F53;
};

void add_job(Hash& hash, const Job& job) {
  hash.all(job.id, job.user, job.dir, job.spec_digest, job.spec->name, job.spec_id, job.array_job,
           job.element, job.oldest_set_job, job.submitted_at);
  hash.all(job.state, job.attempts, job.failures, job.not_before, job.why, job.is_held);
  hash.all(job.stop_requested, job.stop_by, job.stop_requested_at, job.kill_requested_at);
  for (const Slot& slot : job.slots) hash.all(slot.node, slot.ranks);
  hash.all(job.ranks, job.first_started_at, job.started_at, job.seen_at, job.run_s, job.queue_s);
  hash.all(job.sealed_step, job.furthest_step, job.step_at_start, job.sealed_bytes, job.seals,
           job.seal_s, job.blocked_s, job.restore_s, job.restores, job.preemptions);
  hash.all(job.killed_at_step, job.kills_at_step, job.error != nullptr, job.digest, job.exit_code,
           job.ended_at);
}

void add_node(Hash& hash, const Node& node) {
  hash.all(node.name, node.resources.cpus, node.resources.gpus, node.resources.memory_bytes);
  for (const auto& [key, value] : node.resources.labels) hash.all(key, value);
  hash.all(node.instance, node.is_up, node.down_why, node.drained_why, node.drained_by,
           node.failures, node.attempts, node.is_exclusive, node.cpus_used, node.gpus_used,
           node.memory_used_bytes);
}

}  // namespace

std::uint64_t state_hash(const State& state) {
  Hash hash;
  hash.all(state.applied, state.last_job, state.last_spec, state.totals.run_s,
           state.totals.breakdowns, state.half_life_s);
  for (const auto& [id, job] : state.jobs) add_job(hash, job);
  for (const auto& [name, node] : state.nodes) add_node(hash, node);
  for (const auto& [id, entry] : state.specs) hash.all(id, entry.spec->name, entry.jobs);
  for (const auto& [who, usage] : state.usage)
    hash.all(who.account, who.user, who.qos, usage.cpu_s, usage.gpu_s, usage.at);
  for (const auto& [key, request] : state.request_keys)
    hash.all(key, request.first, request.jobs, request.digest);
  if (state.last_allocation == 0) return hash.value();  // as before there were pools
  hash.all(state.last_allocation);
  for (const auto& [id, a] : state.allocations)
    hash.all(id, a.pool, a.time_limit_s, a.asked_at, a.site_job, a.is_started, a.started_at,
             a.ends_at, a.is_released);
  return hash.value();
}

}  // namespace sovren
