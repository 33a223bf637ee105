// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/background.h"

#include <system_error>

namespace sovren::storage {

std::future<void> in_background(const std::function<void()>& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
    work();
    return {};
  }
}

}  // namespace sovren::storage
