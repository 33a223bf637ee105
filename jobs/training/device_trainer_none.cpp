// SPDX-License-Identifier: Apache-2.0
#include "jobs/training/device_trainer.h"

namespace sovren::jobs {

Result<std::unique_ptr<Trainer>> make_device_trainer(
    const nn::ModelShape&, const nn::Transformer::Setting&, Communicator&, DeviceCommunicator*,
    const std::function<void(const std::string&)>&) {
  return fail({.code = Code::refused,
               .what = "this build has no CUDA backend",
               .hint = "use backend = \"cpu\""});
}

}  // namespace sovren::jobs
