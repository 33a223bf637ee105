// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/pool.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "scheduler/policy/pool_demand.h"

namespace sovren::policy {
namespace {

constexpr double backoff_first_s = 10;
constexpr double backoff_most_s = 600;

const std::string* label_of(const NodeResources& resources, std::string_view name) {
  const auto found = resources.labels.find(std::string(name));
  return found == resources.labels.end() ? nullptr : &found->second;
}

bool bears_no_other(const std::map<std::string, std::string>& wanted, const Pool& pool) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    return label.first == pool_label && label.second == pool.name;
  });
}

double margin_of(double time_limit_s) {
  return std::clamp(0.05 * time_limit_s, 1.0, 30.0);
}

}  // namespace

const Allocation* allocation_of(const State& state, const NodeResources& resources) {
  const std::string* pool = label_of(resources, pool_label);
  const std::string* label = label_of(resources, allocation_label);
  if (pool == nullptr || label == nullptr) return nullptr;
  AllocationId id;
  const char* end = label->data() + label->size();
  const auto [read, error] = std::from_chars(label->data(), end, id.value);
  if (error != std::errc() || read != end) return nullptr;
  const auto found = state.allocations.find(id);
  const bool is_its = found != state.allocations.end() && found->second.pool == *pool;
  return is_its ? &found->second : nullptr;
}

double end_margin_s(const Allocation& allocation) {
  return margin_of(allocation.time_limit_s);
}

bool serves(const Pool& pool, const Site& site, const std::string& partition,
            const std::map<std::string, std::string>& labels) {
  if (!bears_no_other(labels, pool)) return false;
  for (const Partition& one : site.partitions)
    if (one.name == partition) return one.nodes.empty() && bears_no_other(one.labels, pool);
  return true;
}

bool could_hold(const Pool& pool, const Resources& resources) {
  const int nodes = std::min(pool.max_nodes, std::max(1, resources.nodes));
  const std::vector<Room> rooms(static_cast<std::size_t>(nodes),
                                idle_room(pool.cpus, pool.gpus, pool.memory_bytes));
  std::vector<int> all(rooms.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<int>(i);
  return place(resources, Growth::up_to_ranks, rooms, all).has_value();
}

double span_s(const Pool& pool) {
  return pool.time_limit_s - 2 * margin_of(pool.time_limit_s);  // once for its start
}

void PoolMemory::note_trouble(const std::string& pool, const std::string& why, Instant now) {
  Trouble& trouble = troubles[pool];
  const bool is_of_same = now < trouble.last + pool_backoff_s(trouble.in_a_row);
  trouble.why = why;
  if (is_of_same) return;
  trouble.in_a_row += 1;
  trouble.last = now;
}

double pool_backoff_s(int troubles) {
  if (troubles <= 0) return 0;
  return std::min(backoff_most_s, backoff_first_s * std::exp2(std::min(troubles - 1, 10)));
}

std::string scale_on_text(const ScaleOn& scale_on) {
  char number[40];
  const auto end = std::to_chars(number, number + sizeof number, scale_on.above).ptr;
  return scale_on.metric + " > " + std::string(number, end);
}

bool is_metric(const std::string& reported, const std::string& name) {
  if (reported == name || reported.ends_with("_" + name)) return true;
  const std::size_t split = name.find('_');
  return split != std::string::npos && reported.starts_with(name.substr(0, split + 1)) &&
         reported.ends_with(name.substr(split));
}

bool outlasts(const Ask& ask, const Pool& pool) {
  return !ask.can_preempt && ask.estimate_s > span_s(pool);
}

std::string pool_prospect(const State& state, const PolicyConfig& config, const Shape& shape,
                          const Ask& ask) {
  std::string text;
  for (const Pool& pool : config.site.pools) {
    if (!serves(pool, config.site, shape.partition, shape.labels) ||
        !could_hold(pool, shape.resources))
      continue;
    const auto coming =
        std::count_if(state.allocations.begin(), state.allocations.end(), [&](const auto& entry) {
          const Allocation& one = entry.second;
          const bool is_there =
              std::any_of(state.nodes.begin(), state.nodes.end(), [&](const auto& node) {
                return node.second.is_up && allocation_of(state, node.second.resources) == &one;
              });
          return one.pool == pool.name && !one.is_released && !is_there;
        });
    text += (text.empty() ? "" : "; ") + ("pool " + pool.name);
    if (outlasts(ask, pool)) {
      text += " has nodes for " + format_duration(span_s(pool)) +
              " only, and it cannot checkpoint (resources.time_limit says how long it runs)";
      continue;
    }
    const auto note = state.pool_notes.find(pool.name);
    if (coming > 0)
      text += " is growing: " + std::to_string(coming) + (coming == 1 ? " node is" : " nodes are") +
              " on the way";
    else if (note != state.pool_notes.end())
      text += " does not grow: " + note->second;
    else
      text += " may grow";
  }
  return text;
}

}  // namespace sovren::policy
