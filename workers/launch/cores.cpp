// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/cores.h"

#include <hwloc.h>

#include <algorithm>
#include <memory>
#include <set>

namespace sovren::workers {
namespace {

struct TopologyDeleter {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Topology = std::unique_ptr<hwloc_topology, TopologyDeleter>;

int number_of(hwloc_topology_t topology, hwloc_obj_type_t type, hwloc_obj_t unit) {
  hwloc_obj_t found = nullptr;
  if (type == HWLOC_OBJ_NUMANODE) {  // not an ancestor: its set covers the unit
    while ((found = hwloc_get_next_obj_by_type(topology, type, found)) != nullptr)
      if (hwloc_bitmap_isset(found->cpuset, unit->os_index) != 0)
        return static_cast<int>(found->logical_index);
    return 0;
  }
  found = hwloc_get_ancestor_obj_by_type(topology, type, unit);
  return found == nullptr ? 0 : static_cast<int>(found->logical_index);
}

/// synthetic: null for this machine.
std::vector<Core> cores_of(const char* synthetic) {
  hwloc_topology_t made = nullptr;
  if (hwloc_topology_init(&made) != 0) return {};
  const Topology topology(made);
  if (synthetic != nullptr && hwloc_topology_set_synthetic(made, synthetic) != 0) return {};
  if (hwloc_topology_load(made) != 0) return {};
  cpu_set_t may_use;
  const bool is_limited =
      synthetic == nullptr && ::sched_getaffinity(0, sizeof(may_use), &may_use) == 0;
  std::vector<Core> cores;
  hwloc_obj_t unit = nullptr;
  while ((unit = hwloc_get_next_obj_by_type(made, HWLOC_OBJ_PU, unit)) != nullptr) {
    if (unit->os_index >= CPU_SETSIZE) continue;
    if (is_limited && !CPU_ISSET(unit->os_index, &may_use)) continue;
    cores.push_back({.number = static_cast<int>(unit->os_index),
                     .numa = number_of(made, HWLOC_OBJ_NUMANODE, unit),
                     .package = number_of(made, HWLOC_OBJ_PACKAGE, unit)});
  }
  return cores;
}

}  // namespace

std::vector<Core> discover_cores() {
  return cores_of(nullptr);
}

std::vector<Core> describe_cores(const std::string& synthetic) {
  return cores_of(synthetic.c_str());
}

CoreMap::CoreMap(std::vector<Core> cores)
    : cores_(std::move(cores)), is_taken_(cores_.size(), false) {}

std::optional<std::vector<int>> CoreMap::take(int count) {
  std::map<int, int> free_in;  // by NUMA node
  int free = 0;
  for (std::size_t i = 0; i < cores_.size(); ++i)
    if (!is_taken_[i]) ++free, ++free_in[cores_[i].numa];
  if (count < 1 || free < count) return std::nullopt;
  std::optional<int> chosen;
  for (const auto& [numa, there] : free_in)
    if (there >= count && (!chosen || there < free_in[*chosen])) chosen = numa;
  std::vector<int> numbers;
  for (std::size_t i = 0; i < cores_.size() && std::ssize(numbers) < count; ++i) {
    if (is_taken_[i] || (chosen && cores_[i].numa != *chosen)) continue;
    is_taken_[i] = true;
    numbers.push_back(cores_[i].number);
  }
  return numbers;
}

void CoreMap::give_back(const std::vector<int>& numbers) {
  for (std::size_t i = 0; i < cores_.size(); ++i)
    if (std::find(numbers.begin(), numbers.end(), cores_[i].number) != numbers.end())
      is_taken_[i] = false;
}

cpu_set_t cpu_set_of(const std::vector<int>& numbers) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int number : numbers) CPU_SET(number, &set);
  return set;
}

std::map<std::string, std::string> topology_labels(const std::vector<Core>& cores) {
  std::set<int> packages, numas;
  for (const Core& core : cores) packages.insert(core.package), numas.insert(core.numa);
  if (cores.empty()) return {};
  return {{"sockets", std::to_string(packages.size())},
          {"numa_nodes", std::to_string(numas.size())}};
}

}  // namespace sovren::workers
