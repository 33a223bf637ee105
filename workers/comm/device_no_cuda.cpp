// SPDX-License-Identifier: Apache-2.0
#include "workers/comm/device.h"

namespace sovren::workers {
namespace {

Error no_cuda() {
  return {.code = Code::refused,
          .what = "this build has no CUDA backend",
          .hint = "use backend = \"cpu\""};
}

}  // namespace

DeviceMemoryPort cuda_memory() {
  const auto copy = [](void*, const void*, std::size_t) -> Result<void> { return fail(no_cuda()); };
  return {.wait = [](void*) -> Result<void> { return fail(no_cuda()); },
          .to_host = copy,
          .to_device = copy};
}

Result<DeviceLink> join_devices(Communicator&, int, double) {
  return fail(no_cuda());
}

}  // namespace sovren::workers
