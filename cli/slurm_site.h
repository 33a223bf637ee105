// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/json.h"

// Only .cpp files include this, as core/text/json.h.

namespace sovren::cli {

/// A node with all that sinfo and scontrol print of one.
struct SlurmNode {
  enum class State { down, draining, drained, mixed, allocated, idle };  ///< as sinfo sorts them
  std::string name;
  State state = State::idle;
  std::string why;  ///< of a node that is down or drained
  std::string by;   ///< who drained it
  std::int64_t cpus = 0;
  std::int64_t cpus_used = 0;
  std::int64_t gpus = 0;
  std::int64_t gpus_used = 0;
  std::int64_t memory_mib = 0;
  std::int64_t memory_used_mib = 0;
  std::string features;  ///< its labels, "region=eu-west-1,..."

  bool is_away() const { return state == State::down || state == State::drained; }
};

struct SlurmPartition {
  std::string name;
  bool is_up = true;
  bool is_default = false;
  std::int64_t priority = 0;
  std::vector<std::string> nodes;
  std::optional<double> time_limit_s;
  std::optional<double> default_time_limit_s;
};

SlurmNode slurm_node_of(const text::Json& node);
SlurmPartition slurm_partition_of(const text::Json& partition);

/// "drng" and "draining", ...
std::string_view short_node_state(SlurmNode::State state);
std::string_view long_node_state(SlurmNode::State state);
/// Of either spelling, in any case; "down*" is "down".
std::optional<SlurmNode::State> slurm_node_state(std::string_view name);

/// "gpu:2", or "(null)".
std::string gres_text(const SlurmNode& node);
/// "1-00:00:00", or what stands for none.
std::string limit_or(const std::optional<double>& seconds, std::string_view none);

}  // namespace sovren::cli
