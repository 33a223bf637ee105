// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

namespace sovren::jobs {

/// Calls work(0) .. work(count - 1), each once, on up to `threads` threads; returns when all have
/// returned. Which thread takes which is open, so each call writes only what is its own.
template <class Work>
void for_each_index(int threads, std::size_t count, const Work& work) {
  const std::size_t helpers = std::min(static_cast<std::size_t>(std::max(threads, 1)), count);
  std::atomic<std::size_t> next{0};
  const auto take = [&] {
    for (std::size_t index = next++; index < count; index = next++) work(index);
  };
  std::vector<std::jthread> team;
  for (std::size_t helper = 1; helper < helpers; ++helper) team.emplace_back(take);
  take();
}

}  // namespace sovren::jobs
