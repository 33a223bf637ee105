// SPDX-License-Identifier: Apache-2.0
// Compiled for sm_90; not yet run on a device. The kernels' bodies run on the CPU in the tests.
#include "kernels/nn/device_launch.h"
#include "kernels/nn/device_optimizer_body.h"

namespace sovren::nn::device {

Result<void> adamw_update(Stream stream, const AdamW& adamw, double gradient_scale,
                          std::int64_t size, float* parameters, const float* gradient, float* m,
                          float* v, Bf16* copy) {
  return Launch{stream}(
      UpdateAdamW{adamw_factors(adamw, gradient_scale), size, parameters, gradient, m, v, copy},
      "starting the optimizer");
}

Result<void> block_squares(Stream stream, std::int64_t size, const float* values, double* squares) {
  return Launch{stream}(BlockSquares{size, values, squares}, "starting sums of squares");
}

Result<void> add_to(Stream stream, std::int64_t size, const float* from, float* to) {
  return Launch{stream}(AddTo{size, from, to}, "starting a sum of vectors");
}

Result<void> round_to_bf16(Stream stream, std::int64_t size, const float* from, Bf16* to) {
  return Launch{stream}(RoundToBf16{size, from, to}, "starting to round");
}

}  // namespace sovren::nn::device
