// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/model/event.h"
#include "core/text/json_fields.h"

// What several documents hold of the model. Only .cpp files include this, as core/text/json.h.

namespace sovren {

void fields(auto& io, NodeResources& r) {
  io.required("cpus", r.cpus);
  io.optional("gpus", r.gpus);
  io.optional("memory_bytes", r.memory_bytes);
  io.optional("labels", r.labels);
}
void fields(auto& io, Slot& slot) {
  io.required("node", slot.node);
  io.required("ranks", slot.ranks);
}
/// Beside other members.
void fields(auto& io, CheckpointPlan& plan) {
  io.unless("interval_s", plan.interval_s, 0.0);
  io.unless("mtbf_s", plan.mtbf_s, 0.0);
  io.unless("expected_overhead", plan.expected_overhead, 0.0);
}

}  // namespace sovren

namespace sovren::text {

template <>
struct StoredNames<Request> {
  static constexpr const char* what = "a request";
  static std::string_view name(Request value) { return request_name(value); }
  static std::optional<Request> value(std::string_view text) { return request_of(text); }
};
template <>
struct StoredNames<JobState> {
  static constexpr const char* what = "a job state";
  static std::string_view name(JobState value) { return state_name(value); }
  static std::optional<JobState> value(std::string_view text) { return state_of(text); }
};
template <>
struct StoredNames<Ending> {
  static constexpr const char* what = "an ending";
  static std::string_view name(Ending value) { return ending_name(value); }
  static std::optional<Ending> value(std::string_view text) { return ending_of(text); }
};

}  // namespace sovren::text
