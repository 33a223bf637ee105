// SPDX-License-Identifier: Apache-2.0
#include <atomic>

#include "kernels/device/device.h"

namespace sovren::kernels {
namespace {

std::atomic<int> chosen = 0;

}  // namespace

void use_device(int index) {
  chosen = index;
}

int used_device() {
  return chosen;
}

}  // namespace sovren::kernels
