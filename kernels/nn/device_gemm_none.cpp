// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/device_gemm.h"

namespace sovren::nn::device {

Result<std::unique_ptr<Products>> make_products() {
  return fail({.code = Code::refused,
               .what = "this build has no cuBLASLt",
               .hint = "use backend = \"cpu\", or build where the CUDA toolkit is"});
}

}  // namespace sovren::nn::device
