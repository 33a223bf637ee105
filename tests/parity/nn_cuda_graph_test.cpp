// SPDX-License-Identifier: Apache-2.0
// CUDA graphs of device operations. Skipped, with the reason, where no device is.
#include <cuda_runtime_api.h>

#include "tests/parity/nn_cuda_case.h"

namespace sovren::nn {
namespace {

TEST_F(NnCudaParity, ACapturedGraphReadsNewDropout) {
  const AttentionShape shape{1, 33, 2, 1, 64};
  const Dropout first{.rate = 0.3F, .seed = 1, .stream = 1}, second{.rate = 0.3F, .stream = 2};
  const auto qkv = bf16_numbers(size_of(33, shape.qkv_width()), 1);
  const auto d_out = bf16_numbers(size_of(33, shape.q_width()), 2);
  const Array<Bf16> x(qkv);
  const Array<Dropout> dropout({first});
  const auto out = Array<Bf16>::unwritten(d_out.size());
  const auto log_sum = Array<float>::unwritten(66);
  cudaStream_t stream = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t ready = nullptr;
  ASSERT_EQ(cudaStreamCreate(&stream), cudaSuccess);
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  expect_done(device::attention_forward(stream, shape, x.data(), dropout.data(), out.data(),
                                        log_sum.data()));
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&ready, graph, 0), cudaSuccess);
  for (const Dropout& used : {first, second}) {
    expect_done(kernels::copy_to_device(dropout.data(), &used, sizeof used));
    ASSERT_EQ(cudaGraphLaunch(ready, stream), cudaSuccess);
    ASSERT_EQ(cudaStreamSynchronize(stream), cudaSuccess);
    EXPECT_EQ(out.values(), attend(shape, used, qkv, d_out).out);
  }
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  cudaStreamDestroy(stream);
}

}  // namespace
}  // namespace sovren::nn
