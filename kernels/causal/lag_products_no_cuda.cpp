// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/lag_products.h"

namespace sovren::kernels {

Result<void> lag_products_cuda(const LagProducts&, std::span<double>) {
  return fail({.code = Code::device,
               .what = "this build has no CUDA backend",
               .hint = "use backend = \"cpu\", or build where a CUDA toolkit is installed"});
}

}  // namespace sovren::kernels
