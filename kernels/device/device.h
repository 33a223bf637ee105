// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sovren::kernels {

/// One accelerator that this process can use.
struct Device {
  int index = 0;
  std::string name;               ///< "NVIDIA H200"
  std::int64_t memory_bytes = 0;  ///< in all
  std::string architecture;       ///< "sm_90"
};

/// What the CUDA backend finds here. Never fails: no driver means no devices.
struct DeviceList {
  bool is_compiled = false;  ///< was the CUDA backend built
  std::vector<Device> devices;
  std::string why_none;  ///< "" when there are devices
};

DeviceList list_devices();

/// The device that this process computes on: an index of list_devices(), 0 until it is chosen.
/// Ranks that share a node's devices choose before they compute.
void use_device(int index);
int used_device();

}  // namespace sovren::kernels
