// SPDX-License-Identifier: Apache-2.0
#include "scheduler/api/worker.h"

#include <pthread.h>

#include <csignal>
#include <utility>

namespace sovren::api {

Worker::Worker(std::size_t waiting_max) : waiting_max_(waiting_max) {
  // Signals are for the thread that started this one.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Worker::~Worker() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  something_.notify_one();
  thread_.join();
}

Result<void> Worker::post(std::function<void()> work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= waiting_max_)
      return fail({.code = Code::unreachable,
                   .what = std::to_string(waiting_.size()) + " requests wait already",
                   .hint = "try again in a second"});
    waiting_.push_back(std::move(work));
  }
  something_.notify_one();
  return {};
}

void Worker::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    something_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
    if (is_stopping_) return;
    const std::function<void()> work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    work();
    lock.lock();
  }
}

}  // namespace sovren::api
