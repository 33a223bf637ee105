// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

namespace sovren::nn::fake {

/// Work of one stream, done when it is waited for.
class Queue {
 public:
  using Works = std::vector<std::function<void()>>;

  void put(std::function<void()> work) {
    (captured_ != nullptr ? *captured_ : work_).push_back(std::move(work));
  }
  std::size_t size() const { return work_.size(); }
  /// Does what has not been done of the first `end`.
  void run_until(std::size_t end);
  /// null: work is queued again.
  void capture_into(Works* captured) { captured_ = captured; }

 private:
  Works work_;
  std::size_t done_ = 0;
  Works* captured_ = nullptr;
};

/// As an operation does: queued on the stream, or captured.
void put(void* stream, std::function<void()> work);

}  // namespace sovren::nn::fake
