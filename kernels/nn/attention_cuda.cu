// SPDX-License-Identifier: Apache-2.0
// Compiled for sm_90; not yet run on a device. The kernels' bodies run on the CPU in the tests.
#include "kernels/nn/device_attention_run.h"
#include "kernels/nn/device_launch.h"

namespace sovren::nn::device {

Result<void> attention_forward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                               const Dropout* dropout, Bf16* out, float* log_sum) {
  return run_attention_forward(Launch{stream}, {shape, qkv, dropout, out, log_sum});
}

Result<void> attention_backward(Stream stream, const AttentionShape& shape, const Bf16* qkv,
                                const Dropout* dropout, const Bf16* out, const float* log_sum,
                                const Bf16* d_out, float* workspace, Bf16* d_qkv) {
  return run_attention_backward(Launch{stream},
                                {shape, qkv, dropout, out, log_sum, d_out, workspace, d_qkv});
}

}  // namespace sovren::nn::device
