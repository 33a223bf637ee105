// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "core/base/result.h"

namespace sovren::api {

/// A thread for what may wait: files of jobs, and putting long lists into words.
///
/// Threads  any may post.
/// Errors   unreachable: too much waits already.
class Worker {
 public:
  explicit Worker(std::size_t waiting_max);
  ~Worker();  ///< drops what waits

  Result<void> post(std::function<void()> work);

 private:
  void run();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable something_;
  std::deque<std::function<void()>> waiting_;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace sovren::api
