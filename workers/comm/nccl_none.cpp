// SPDX-License-Identifier: Apache-2.0
#include "workers/comm/device.h"

namespace sovren::workers {

Result<std::unique_ptr<DeviceCommunicator>> make_nccl_communicator(Communicator&, int, double) {
  return fail({.code = Code::refused,
               .what = "this build has no NCCL",
               .hint = "build where nccl.h and the CUDA toolkit are"});
}

}  // namespace sovren::workers
