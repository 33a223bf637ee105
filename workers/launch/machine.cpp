// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/machine.h"

#include <dirent.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <vector>

namespace sovren::workers {
namespace {

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

/// Folders of this process's cgroup, innermost first, for one controller. "0::/a/b" is version 2;
/// "4:cpu,cpuacct:/a/b" version 1.
std::vector<std::string> cgroup_folders(const std::string& root, const std::string& controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::vector<std::string> folders;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string base = root + "/sys/fs/cgroup";
    if (controllers == ",,")
      ;  // version 2: one tree
    else if (controllers.find("," + controller + ",") != std::string::npos)
      base += "/" + controller;
    else
      continue;
    std::string path = line.substr(second + 1);
    while (!path.empty() && path != "/") {
      folders.push_back(base + path);
      path.erase(path.rfind('/'));
    }
    folders.push_back(base);
  }
  return folders;
}

/// The least of what the folders say; 0 when none says anything.
template <class T, class Read>
T least(const std::vector<std::string>& folders, Read read) {
  T found = 0;
  for (const std::string& folder : folders) {
    const T here = read(folder);
    if (here > 0 && (found == 0 || here < found)) found = here;
  }
  return found;
}

int schedulable_cpus() {
  // A machine may have more cores than cpu_set_t holds: the set grows until the kernel accepts it.
  for (int cpus = 1024; cpus <= 1 << 20; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(cpus);
    const std::size_t size = CPU_ALLOC_SIZE(cpus);
    const bool is_known = ::sched_getaffinity(0, size, set) == 0;
    const int count = is_known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (is_known) return std::max(1, count);
  }
  return static_cast<int>(std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN)));
}

}  // namespace

double cgroup_cpu_limit(const std::string& root) {
  return least<double>(cgroup_folders(root, "cpu"), [](const std::string& folder) {
    double quota = 0, period = 0;
    if (std::istringstream line(first_line(folder + "/cpu.max")); line >> quota >> period)
      return period > 0 ? quota / period : 0.0;  // "max 100000" reads no number
    std::istringstream(first_line(folder + "/cpu.cfs_quota_us")) >> quota;
    std::istringstream(first_line(folder + "/cpu.cfs_period_us")) >> period;
    return quota > 0 && period > 0 ? quota / period : 0.0;
  });
}

std::int64_t cgroup_memory_limit(const std::string& root) {
  return least<std::int64_t>(cgroup_folders(root, "memory"), [](const std::string& folder) {
    // Version 1 writes "no limit" as a number near 2^63.
    constexpr std::int64_t no_limit = std::int64_t{1} << 60;
    std::int64_t bytes = 0;
    if (!(std::istringstream(first_line(folder + "/memory.max")) >> bytes))
      std::istringstream(first_line(folder + "/memory.limit_in_bytes")) >> bytes;
    return bytes > 0 && bytes < no_limit ? bytes : std::int64_t{0};
  });
}

std::int64_t memory_total(const std::string& root) {
  std::ifstream file(root + "/proc/meminfo");
  for (std::string line; std::getline(file, line);) {
    std::int64_t kib = 0;
    std::string key;
    if (std::istringstream(line) >> key >> kib && key == "MemTotal:") return kib * 1024;
  }
  return 0;
}

int count_gpus(const std::string& root, const char* visible) {
  int there = 0;
  const std::unique_ptr<DIR, int (*)(DIR*)> dev(::opendir((root + "/dev").c_str()), ::closedir);
  while (dev != nullptr) {
    const dirent* entry = ::readdir(dev.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    constexpr std::string_view prefix = "nvidia";
    if (name.size() > prefix.size() && name.substr(0, prefix.size()) == prefix &&
        name.find_first_not_of("0123456789", prefix.size()) == std::string_view::npos)
      ++there;
  }
  if (visible == nullptr) return there;
  const std::string_view list = visible;
  if (list.empty() || list == "-1" || list == "none" || list == "NoDevFiles") return 0;
  return std::min(there, 1 + static_cast<int>(std::count(list.begin(), list.end(), ',')));
}

NodeResources discover_machine() {
  NodeResources found;
  found.cpus = schedulable_cpus();
  if (const double limit = cgroup_cpu_limit(""); limit > 0)
    found.cpus = std::clamp(static_cast<int>(std::ceil(limit)), 1, found.cpus);
  found.memory_bytes = memory_total("");
  if (const std::int64_t limit = cgroup_memory_limit(""); limit > 0)
    found.memory_bytes = found.memory_bytes > 0 ? std::min(found.memory_bytes, limit) : limit;
  found.gpus = count_gpus("", std::getenv("CUDA_VISIBLE_DEVICES"));
  return found;
}

}  // namespace sovren::workers
