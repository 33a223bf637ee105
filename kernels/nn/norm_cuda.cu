// SPDX-License-Identifier: Apache-2.0
// Compiled for sm_90; not yet run on a device. The kernels' bodies run on the CPU in the tests.
#include "kernels/nn/device_launch.h"
#include "kernels/nn/device_norm_body.h"

namespace sovren::nn::device {
namespace {

Result<void> check_width(const NormShape& shape) {
  if (shape.width <= most_norm_width) return {};
  return fail({.code = Code::device,
               .what = "a norm of width " + std::to_string(shape.width) +
                       " is beyond what a device does, " + std::to_string(most_norm_width),
               .hint = "use backend = \"cpu\", or a smaller width"});
}

}  // namespace

Result<void> norm_forward(Stream stream, const NormShape& shape, const Bf16* x, const Bf16* branch,
                          const Dropout* dropout, const Bf16* weight, const Bf16* bias, Bf16* sum,
                          Bf16* y, float* mean, float* scale) {
  SOVREN_DO(check_width(shape));
  return Launch{stream}(NormForward{shape, x, branch, dropout, weight, bias, sum, y, mean, scale},
                        "starting a norm");
}

Result<void> norm_backward(Stream stream, const NormShape& shape, const Bf16* d_y, const Bf16* x,
                           const Bf16* weight, const float* mean, const float* scale,
                           const Bf16* d_after, float* workspace, Bf16* d_x, float* d_weight,
                           float* d_bias) {
  SOVREN_DO(check_width(shape));
  return run_norm_backward(
      Launch{stream},
      NormBackward{shape, d_y, x, weight, shape.kind == NormKind::layer ? mean : nullptr, scale,
                   d_after, d_x, workspace},
      d_weight, d_bias);
}

}  // namespace sovren::nn::device
