// SPDX-License-Identifier: Apache-2.0
#include <cuda_runtime.h>

#include "kernels/device/device.h"

namespace sovren::kernels {

DeviceList list_devices() {
  DeviceList list{.is_compiled = true};
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    list.why_none = status != cudaSuccess ? cudaGetErrorString(status) : "there is no CUDA device";
    return list;
  }
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties;
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    list.devices.push_back(
        {index, properties.name, static_cast<std::int64_t>(properties.totalGlobalMem),
         "sm_" + std::to_string(properties.major) + std::to_string(properties.minor)});
  }
  if (list.devices.empty()) list.why_none = "no device answered";
  return list;
}

}  // namespace sovren::kernels
