// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/device_engine.h"

namespace sovren::kernels {

Result<std::unique_ptr<TestEngine>> make_cuda_engine(const LagView&) {
  return fail({.code = Code::device,
               .what = "this build has no CUDA backend",
               .hint = "use backend = \"cpu\", or build where a CUDA toolkit is installed"});
}

}  // namespace sovren::kernels
