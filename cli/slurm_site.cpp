// SPDX-License-Identifier: Apache-2.0
#include "cli/slurm_site.h"

#include <strings.h>

#include <utility>

#include "cli/listing.h"
#include "cli/slurm_job.h"

namespace sovren::cli {
namespace {

using text::Json;
using State = SlurmNode::State;

struct StateName {
  State state;
  std::string_view brief;
  std::string_view full;
  std::string_view api;
};

constexpr StateName state_names[] = {{State::down, "down*", "down*", "DOWN"},
                                     {State::draining, "drng", "draining", "DRAINING"},
                                     {State::drained, "drain", "drained", "DRAINED"},
                                     {State::mixed, "mix", "mixed", "MIXED"},
                                     {State::allocated, "alloc", "allocated", "ALLOCATED"},
                                     {State::idle, "idle", "idle", "IDLE"}};

const StateName& name_of(State state) {
  return state_names[static_cast<std::size_t>(state)];
}

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::int64_t whole_of(const Json& object, const char* key) {
  return static_cast<std::int64_t>(number_of(object, key));
}

std::optional<double> seconds_of(const Json& object, const char* key) {
  if (text_of(object, key).empty()) return std::nullopt;
  return number_of(object, key);
}

}  // namespace

SlurmNode slurm_node_of(const Json& from) {
  SlurmNode node{.name = text_of(from, "name"),
                 .why = text_of(from, "why"),
                 .by = text_of(from, "drained_by"),
                 .cpus = whole_of(from, "cpus"),
                 .cpus_used = whole_of(from, "cpus_used"),
                 .gpus = whole_of(from, "gpus"),
                 .gpus_used = whole_of(from, "gpus_used"),
                 .memory_mib = whole_of(from, "memory_bytes") >> 20,
                 .memory_used_mib = whole_of(from, "memory_used_bytes") >> 20};
  for (const StateName& each : state_names)
    if (text_of(from, "state") == each.api) node.state = each.state;
  if (const auto labels = from.find("labels"); labels != from.end() && labels->is_object())
    for (const auto& [name, value] : labels->items())
      node.features += (node.features.empty() ? "" : ",") + name + "=" + text_of(*labels, name);
  return node;
}

SlurmPartition slurm_partition_of(const Json& from) {
  SlurmPartition partition{.name = text_of(from, "name"),
                           .is_up = text_of(from, "state") == "UP",
                           .is_default = text_of(from, "is_default") == "true",
                           .priority = whole_of(from, "priority"),
                           .time_limit_s = seconds_of(from, "time_limit_s"),
                           .default_time_limit_s = seconds_of(from, "default_time_limit_s")};
  if (const auto nodes = from.find("nodes"); nodes != from.end() && nodes->is_array())
    for (const Json& name : *nodes)
      if (name.is_string()) partition.nodes.push_back(name.get<std::string>());
  return partition;
}

std::string_view short_node_state(State state) {
  return name_of(state).brief;
}

std::string_view long_node_state(State state) {
  return name_of(state).full;
}

std::optional<State> slurm_node_state(std::string_view name) {
  if (name.ends_with('*')) name.remove_suffix(1);
  if (is_same(name, "down")) return State::down;
  for (const StateName& each : state_names)
    if (is_same(name, each.brief) || is_same(name, each.full)) return each.state;
  return std::nullopt;
}

std::string gres_text(const SlurmNode& node) {
  return node.gpus == 0 ? "(null)" : "gpu:" + std::to_string(node.gpus);
}

std::string limit_or(const std::optional<double>& seconds, std::string_view none) {
  return seconds ? brief_duration(*seconds) : std::string(none);
}

}  // namespace sovren::cli
