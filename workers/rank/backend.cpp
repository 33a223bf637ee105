// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/backend.h"

#include <algorithm>
#include <cstdlib>

namespace sovren::workers {

Result<BackendChoice> choose_backend(Backend wanted, const kernels::DeviceList& found) {
  if (wanted == Backend::cpu)
    return BackendChoice{.backend = Backend::cpu, .devices = {}, .why = "the job asks for it"};
  if (!found.devices.empty()) {
    BackendChoice choice{.backend = Backend::cuda, .devices = {}, .why = "a device is there"};
    if (wanted == Backend::cuda) choice.why = "the job asks for it";
    for (const kernels::Device& device : found.devices) choice.devices.push_back(device.name);
    return choice;
  }
  if (wanted == Backend::cuda)
    return fail(
        {.code = Code::refused,
         .what = "the job asks for backend = \"cuda\", but there is no device: " + found.why_none,
         .hint = "use backend = \"auto\" or \"cpu\""});
  return BackendChoice{.backend = Backend::cpu, .devices = {}, .why = found.why_none};
}

int device_of_rank(const char* local_rank, int devices) {
  const int number = local_rank == nullptr ? 0 : std::max(std::atoi(local_rank), 0);
  return devices < 1 ? 0 : number % devices;
}

}  // namespace sovren::workers
