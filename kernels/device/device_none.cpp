// SPDX-License-Identifier: Apache-2.0
#include "kernels/device/device.h"

namespace sovren::kernels {

DeviceList list_devices() {
  return {.why_none = "this build has no CUDA backend"};
}

}  // namespace sovren::kernels
