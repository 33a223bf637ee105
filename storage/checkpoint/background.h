// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <future>

namespace sovren::storage {

/// Starts the work in a thread, or does it now where there is none to be had (the future is not
/// valid then). What the work refers to must outlive the future.
std::future<void> in_background(const std::function<void()>& work);

}  // namespace sovren::storage
