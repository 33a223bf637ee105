// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/isolation.h"

#include <cstdlib>

namespace sovren::workers {

Isolation::Isolation(std::vector<Core> cores, std::vector<Gpu> gpus,
                     std::optional<CgroupParent> cgroups)
    : cores_(cores),
      gpus_(gpus),
      cgroups_(std::move(cgroups)),
      gpu_count_(static_cast<int>(gpus.size())),
      labels_(topology_labels(cores)) {
  if (gpus.empty() || gpus[0].model.empty()) return;
  labels_["gpu_model"] = gpus[0].model;
  labels_["gpu_memory"] = std::to_string(gpus[0].memory_bytes >> 30) + "GiB";
}

Isolation Isolation::of_this_machine() {
  return Isolation(discover_cores(), discover_gpus("", std::getenv("CUDA_VISIBLE_DEVICES")),
                   CgroupParent::find());
}

Result<Share> Isolation::take(const ShareRequest& request) {
  Share share;
  if (cgroups_ && request.memory_bytes > 0) {
    SOVREN_TRY(cgroup, cgroups_->make(request.name, request.memory_bytes));
    share.cgroup.emplace(std::move(cgroup));
  }
  share.from_ = this;
  share.cores = cores_.take(request.cpus);
  if (gpu_count_ > 0) share.gpus = gpus_.take(request.gpus);
  return share;
}

Share::~Share() {
  if (from_ == nullptr) return;
  if (cores) from_->cores_.give_back(*cores);
  if (gpus) from_->gpus_.give_back(*gpus);
}

void confine(Command& command, const Share& share) {
  if (share.cores) command.cpus = cpu_set_of(*share.cores);
  if (share.cgroup) command.cgroup_procs.push_back(share.cgroup->procs_fd());
}

std::string group_name(const std::string& cookie) {
  std::string name = cookie;
  for (char& c : name)
    if (c == '/') c = '-';
  return "sovren" + name;
}

}  // namespace sovren::workers
