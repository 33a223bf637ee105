// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/site_state.h"

#include <algorithm>
#include <array>

namespace sovren::slurm {
namespace {

// In which order the parts of a state with flags decide: a job that is being requeued is PENDING
// whatever it ended as, one that is COMPLETING has not ended yet.
enum class Weight { remark, base, holds, completes, requeues };

struct Row {
  std::string_view name;
  std::string_view code;  // of squeue's %t; empty: it has none
  JobState state;
  Weight weight = Weight::base;
  bool is_final = false;
  bool may_come_back = false;
};

constexpr bool final_state = true;
constexpr bool comes_back = true;

constexpr std::array rows{
    Row{"PENDING", "PD", JobState::pending},
    Row{"RUNNING", "R", JobState::running},
    Row{"SUSPENDED", "S", JobState::suspended},
    Row{"COMPLETED", "CD", JobState::completed, Weight::base, final_state},
    Row{"CANCELLED", "CA", JobState::cancelled, Weight::base, final_state},
    Row{"FAILED", "F", JobState::failed, Weight::base, final_state},
    Row{"TIMEOUT", "TO", JobState::timeout, Weight::base, final_state},
    Row{"NODE_FAIL", "NF", JobState::node_fail, Weight::base, final_state, comes_back},
    Row{"PREEMPTED", "PR", JobState::preempted, Weight::base, final_state, comes_back},
    Row{"BOOT_FAIL", "BF", JobState::node_fail, Weight::base, final_state, comes_back},
    Row{"DEADLINE", "DL", JobState::timeout, Weight::base, final_state},
    Row{"OUT_OF_MEMORY", "OOM", JobState::out_of_memory, Weight::base, final_state},
    // Flags. squeue and sacct show one of them in place of the state, --json beside it.
    Row{"CONFIGURING", "CF", JobState::running, Weight::holds},
    Row{"POWER_UP_NODE", "", JobState::running, Weight::holds},
    Row{"RESIZING", "RS", JobState::running, Weight::holds},
    Row{"SIGNALING", "SI", JobState::running, Weight::holds},
    Row{"STOPPED", "ST", JobState::suspended, Weight::holds},
    Row{"COMPLETING", "CG", JobState::completing, Weight::completes},
    Row{"STAGE_OUT", "SO", JobState::completing, Weight::completes},
    Row{"REQUEUED", "RQ", JobState::pending, Weight::requeues},
    Row{"REQUEUE_FED", "RF", JobState::pending, Weight::requeues},
    Row{"REQUEUE_HOLD", "RH", JobState::pending, Weight::requeues},
    Row{"SPECIAL_EXIT", "SE", JobState::pending, Weight::requeues},
    Row{"RESV_DEL_HOLD", "RD", JobState::pending, Weight::requeues},
    Row{"EXPEDITING", "", JobState::pending, Weight::requeues},
    // Another cluster of a federation has it: it lives on.
    Row{"REVOKED", "RV", JobState::pending, Weight::requeues},
    // What happened to it; what becomes of it stands in the state beside.
    Row{"LAUNCH_FAILED", "", JobState::pending, Weight::remark},
    Row{"RECONFIG_FAIL", "", JobState::running, Weight::remark},
    Row{"UPDATE_DB", "", JobState::running, Weight::remark},
};

bool is_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The only row whose name begins like this.
const Row* row_cut_short(std::string_view start) {
  const Row* found = nullptr;
  for (const Row& row : rows) {
    if (!row.name.starts_with(start)) continue;
    if (found != nullptr) return nullptr;
    found = &row;
  }
  return found;
}

const Row* row_of(std::string_view word, bool is_cut) {
  if (word.empty()) return nullptr;
  const auto found = std::ranges::find_if(
      rows, [&](const Row& row) { return row.name == word || (row.code == word && !is_cut); });
  if (found != rows.end()) return &*found;
  return is_cut ? row_cut_short(word) : nullptr;
}

}  // namespace

SiteState site_state(std::string_view text) {
  const Row* strongest = nullptr;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = at;
    while (end < text.size() && is_word(text[end])) ++end;
    const std::string_view word = text.substr(at, end - at);
    const bool is_cut = end + 1 == text.size() && text[end] == '+';
    const Row* row = row_of(word, is_cut);
    if (row == nullptr) return {};
    if (strongest == nullptr || row->weight > strongest->weight) strongest = row;
    // "CANCELLED by 1000"
    if (end < text.size() && text[end] != '+' && text[end] != ',') break;
    at = end + 1;
  }
  if (strongest == nullptr) return {};
  return {strongest->state, strongest->is_final, strongest->may_come_back};
}

std::vector<std::string_view> known_site_states() {
  std::vector<std::string_view> names;
  for (const Row& row : rows) names.push_back(row.name);
  return names;
}

}  // namespace sovren::slurm
