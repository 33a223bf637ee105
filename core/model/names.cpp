// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "core/base/check.h"
#include "core/model/event.h"

namespace sovren {
namespace {

template <class Value>
using Name = std::pair<Value, std::string_view>;

constexpr Name<JobState> job_states[] = {{JobState::pending, "PENDING"},
                                         {JobState::running, "RUNNING"},
                                         {JobState::suspended, "SUSPENDED"},
                                         {JobState::completing, "COMPLETING"},
                                         {JobState::completed, "COMPLETED"},
                                         {JobState::failed, "FAILED"},
                                         {JobState::cancelled, "CANCELLED"},
                                         {JobState::timeout, "TIMEOUT"},
                                         {JobState::node_fail, "NODE_FAIL"},
                                         {JobState::preempted, "PREEMPTED"},
                                         {JobState::out_of_memory, "OUT_OF_MEMORY"}};
constexpr Name<Request> requests[] = {{Request::checkpoint, "checkpoint"},
                                      {Request::stop, "stop"},
                                      {Request::preempt, "preempt"},
                                      {Request::cancel, "cancel"},
                                      {Request::kill, "kill"}};
constexpr Name<Ending> endings[] = {
    {Ending::done, "done"},     {Ending::checkpointed, "checkpointed"},
    {Ending::failed, "failed"}, {Ending::retry, "retry"},
    {Ending::killed, "killed"}, {Ending::lost, "lost"}};

template <class Value>
std::string_view name_in(std::span<const Name<Value>> names, Value value) {
  for (const auto& [candidate, text] : names)
    if (candidate == value) return text;
  SOVREN_CHECK(false, "every enumerator has a name");
}

template <class Value>
std::optional<Value> value_in(std::span<const Name<Value>> names, std::string_view text) {
  for (const auto& [value, candidate] : names)
    if (candidate == text) return value;
  return std::nullopt;
}

}  // namespace

std::string_view state_name(JobState state) {
  return name_in<JobState>(job_states, state);
}
std::optional<JobState> state_of(std::string_view name) {
  return value_in<JobState>(job_states, name);
}
std::string_view request_name(Request request) {
  return name_in<Request>(requests, request);
}
std::optional<Request> request_of(std::string_view name) {
  return value_in<Request>(requests, name);
}
std::string_view ending_name(Ending ending) {
  return name_in<Ending>(endings, ending);
}
std::optional<Ending> ending_of(std::string_view name) {
  return value_in<Ending>(endings, name);
}

std::string_view event_name(const EventBody& body) {
  static constexpr std::array<std::string_view, std::variant_size_v<EventBody>> names{
      "node_joined",         "node_left",         "job_submitted",       "stop_requested",
      "attempt_started",     "checkpoint_sealed", "checkpoint_restored", "checkpoint_rejected",
      "attempt_ended",       "job_requeued",      "job_ended",           "node_drained",
      "node_resumed",        "spec_added",        "jobs_forgotten",      "half_life_set",
      "state_marked",        "allocation_asked",  "allocation_queued",   "allocation_started",
      "allocation_released", "allocation_ended",  "pool_noted",          "node_forgotten"};
  return names.at(body.index());
}

std::vector<double> selection_levels(const CausalSpec& spec) {
  if (!spec.pc_alpha.values.empty()) return spec.pc_alpha.values;
  switch (spec.method) {
    case CausalSpec::Method::pcmci:
      return {0.05};
    case CausalSpec::Method::pcmci_plus:
      return {0.01};
    case CausalSpec::Method::pc:
      break;
  }
  return {spec.alpha};
}

int micro_batches(const TrainingSpec& spec) {
  if (spec.micro_batch) return std::max(1, spec.batch / *spec.micro_batch);
  for (const int parts : {8, 4, 2})
    if (spec.batch % parts == 0) return parts;
  return 1;
}

std::optional<int> frame_number(const std::string& text) {
  constexpr int largest = 1'000'000;
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end || number < -largest || number > largest) return {};
  return number;
}

const char* kind_name(const KindSpec& kind) {
  static constexpr std::array<const char*, std::variant_size_v<KindSpec>> names{
      "causal-analysis", "command", "model-training", "rendering"};
  return names.at(kind.index());
}

bool can_checkpoint(const JobSpec& spec) {
  if (spec.checkpoint.interval.mode == CheckpointPolicy::Mode::off) return false;
  const auto* command = std::get_if<CommandSpec>(&spec.kind);
  return command == nullptr || !command->checkpoint_signal.empty();
}

}  // namespace sovren
