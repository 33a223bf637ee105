// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime_api.h>

#include <algorithm>
#include <span>

#include "workers/comm/agree.h"
#include "workers/comm/device.h"

namespace sovren::workers {
namespace {

Result<void> check(cudaError_t status, const char* activity) {
  if (status == cudaSuccess) return {};
  return fail({.code = Code::device,
               .what = std::string("CUDA: ") + cudaGetErrorString(status) + " while " + activity,
               .hint = "`sovren doctor` shows what is here"});
}

/// What tells a device from all others, on any machine.
Result<std::string> identity(int device) {
  cudaDeviceProp properties;
  SOVREN_DO(check(cudaGetDeviceProperties(&properties, device), "reading what the device is"));
  return std::string(properties.uuid.bytes, sizeof(properties.uuid.bytes));
}

/// Has each rank a device that no other has?
Result<bool> devices_differ(Communicator& comm, int device) {
  const auto mine = identity(device);
  SOVREN_DO(agree(comm, mine ? Result<void>() : Result<void>(fail(mine.error()))));
  SOVREN_TRY(all, comm.all_gather(std::as_bytes(std::span(*mine))));
  for (auto one = all.begin(); one != all.end(); ++one)
    if (std::find(std::next(one), all.end(), *one) != all.end()) return false;
  return true;
}

}  // namespace

DeviceMemoryPort cuda_memory() {
  return {
      .wait =
          [](void* stream) {
            return check(cudaStreamSynchronize(static_cast<cudaStream_t>(stream)),
                         "waiting for the device");
          },
      .to_host =
          [](void* to, const void* from, std::size_t bytes) {
            return check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost),
                         "copying to the host");
          },
      // A copy from pageable memory returns before it is done; streams do not wait for it.
      .to_device = [](void* to, const void* from, std::size_t bytes) -> Result<void> {
        SOVREN_DO(
            check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "copying to the device"));
        return check(cudaStreamSynchronize(nullptr), "copying to the device");
      },
  };
}

Result<DeviceLink> join_devices(Communicator& comm, int device, double deadline_s) {
  SOVREN_DO(agree(comm, check(cudaSetDevice(device), "choosing the device")));
  const auto staged = [&](std::string why) {
    return DeviceLink{make_staged_communicator(comm, cuda_memory()), std::move(why)};
  };
  if (comm.size() == 1) return staged("one rank has no peer");
  SOVREN_TRY(differ, devices_differ(comm, device));
  if (!differ) return staged("ranks share a device: through the host");
  auto nccl = make_nccl_communicator(comm, device, deadline_s);
  if (nccl) return DeviceLink{std::move(*nccl), "NCCL: each rank has its device"};
  if (nccl.error().code != Code::refused) return fail(std::move(nccl).error());
  return staged(nccl.error().what + ": through the host");
}

}  // namespace sovren::workers
