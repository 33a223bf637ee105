// SPDX-License-Identifier: Apache-2.0
// All of device_ops.h on the emulated device: the .cu files as they are, but for what launches, and
// the CPU's memory for the device's.
#include <cstdlib>
#include <cstring>

#include "kernels/device/device.h"
#include "kernels/device/device_memory.h"
#include "tests/unit/nn/emulated_device.h"

namespace sovren::nn::device {

struct Launch {
  Stream stream;

  template <class Kernel>
  Result<void> operator()(const Kernel& kernel, const char* activity) const {
    return EmulatedLaunch{}(kernel, activity);
  }
};

}  // namespace sovren::nn::device

// After Launch, which they use.
#include "kernels/nn/attention_cuda.cu"
#include "kernels/nn/norm_cuda.cu"
#include "kernels/nn/optimizer_cuda.cu"
#include "kernels/nn/pointwise_cuda.cu"

namespace sovren::kernels {

DeviceList list_devices() {
  return {.is_compiled = true, .devices = {{.name = "emulated"}}};
}

Result<void> check_cuda(int, const char*) {
  return {};
}

Result<void> allocate_on_device(void** data, std::size_t bytes) {
  *data = std::malloc(bytes);
  return {};
}

void free_on_device(void* data) {
  std::free(data);
}

Result<void> copy_to_device(void* to, const void* from, std::size_t bytes) {
  std::memcpy(to, from, bytes);
  return {};
}

Result<void> copy_from_device(void* to, const void* from, std::size_t bytes, const char*) {
  std::memcpy(to, from, bytes);
  return {};
}

}  // namespace sovren::kernels
