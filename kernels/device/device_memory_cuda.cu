// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include <string>

#include "kernels/device/device_memory.h"

namespace sovren::kernels {

Result<void> check_cuda(int status, const char* activity) {
  if (status == cudaSuccess) return {};
  return fail({.code = Code::device,
               .what = std::string("CUDA: ") +
                       cudaGetErrorString(static_cast<cudaError_t>(status)) + " while " + activity,
               .hint = "backend = \"cpu\" needs no device; `sovren doctor` shows what is here"});
}

Result<void> allocate_on_device(void** data, std::size_t bytes) {
  return check_cuda(cudaMalloc(data, bytes), "making room for the data");
}

void free_on_device(void* data) {
  cudaFree(data);
}

Result<void> copy_to_device(void* to, const void* from, std::size_t bytes) {
  return check_cuda(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice), "copying the data");
}

Result<void> copy_from_device(void* to, const void* from, std::size_t bytes, const char* activity) {
  return check_cuda(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), activity);
}

}  // namespace sovren::kernels
