// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/timers.h"

#include <utility>
#include <vector>

namespace sovren::api {

void Timers::at(double time_s, std::function<void()> work) {
  const std::lock_guard lock(mutex_);
  due_.emplace(time_s, std::move(work));
}

void Timers::fire(double now_s) {
  std::vector<std::function<void()>> works;
  {
    const std::lock_guard lock(mutex_);
    const auto end = due_.upper_bound(now_s);
    for (auto each = due_.begin(); each != end; ++each) works.push_back(std::move(each->second));
    due_.erase(due_.begin(), end);
  }
  for (const auto& work : works) work();
}

}  // namespace sovren::api
