// SPDX-License-Identifier: Apache-2.0
#include "workers/launch/step_slots.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace sovren::workers {
namespace {

constexpr off_t bytes_per_node = 1 << 16;
constexpr off_t first_gpu = 1 << 15;

Error file_error(const std::string& path) {
  return {.code = Code::storage_io,
          .what = std::string("the attempt's steps cannot be kept apart: ") + std::strerror(errno),
          .where = path};
}

Result<Handle> open_file(const std::string& path) {
  Handle file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.is_open()) return fail(file_error(path));
  return file;
}

/// One byte, without waiting; of the open file: a child that inherited it holds it, too.
bool lock_byte(const Handle& file, off_t at, short how) {
  struct flock lock {};
  lock.l_type = how;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return ::fcntl(file.get(), F_OFD_SETLK, &lock) == 0;
}

/// Numbers of what could be had, from `base` on.
std::vector<int> lock_all(const Handle& file, off_t base, int count) {
  std::vector<int> had;
  for (int i = 0; i < count; ++i)
    if (lock_byte(file, base + i, F_WRLCK)) had.push_back(i);
  return had;
}

void keep_first(const Handle& file, off_t base, std::vector<int>& held, int count) {
  while (std::ssize(held) > count) {
    lock_byte(file, base + held.back(), F_UNLCK);
    held.pop_back();
  }
}

off_t base_of(std::size_t place) {
  return static_cast<off_t>(place) * bytes_per_node;
}

/// Takes all that is free, lays the step out, and gives the rest back. False: it does not fit now.
Result<bool> try_to_take(HeldStep& step, const Allocation& allocation, const StepRequest& request) {
  const bool shares = request.sharing == StepRequest::Sharing::overlap;
  std::vector<FreeShare> free;
  std::vector<std::vector<int>> cpus, gpus;
  for (std::size_t place = 0; place < allocation.nodes.size(); ++place) {
    const Allocation::Node& node = allocation.nodes[place];
    cpus.push_back(lock_all(step.locks, base_of(place), shares ? 0 : node.cpus));
    gpus.push_back(lock_all(step.locks, base_of(place) + first_gpu, shares ? 0 : node.gpus));
    free.push_back({static_cast<int>(cpus.back().size()), static_cast<int>(gpus.back().size())});
  }
  SOVREN_TRY(layout, lay_out(allocation, request, free));
  std::vector<FreeShare> wanted(allocation.nodes.size());
  if (layout)
    for (const StepLayout::Node& node : layout->nodes)
      wanted[static_cast<std::size_t>(node.place)] = {node.cpus, node.gpus};
  for (std::size_t place = 0; place < wanted.size(); ++place) {
    keep_first(step.locks, base_of(place), cpus[place], wanted[place].cpus);
    keep_first(step.locks, base_of(place) + first_gpu, gpus[place], wanted[place].gpus);
  }
  if (!layout) return false;
  for (const StepLayout::Node& node : layout->nodes) {
    step.cpus.push_back(std::move(cpus[static_cast<std::size_t>(node.place)]));
    step.gpus.push_back(std::move(gpus[static_cast<std::size_t>(node.place)]));
  }
  step.layout = std::move(*layout);
  return true;
}

/// Wakes when a step may have ended: its file was closed. The lock goes a moment after that is
/// told, so it looks again by itself, first soon and then seldom.
class EndWatch {
 public:
  explicit EndWatch(const std::string& path) : events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
    ::inotify_add_watch(events_.get(), path.c_str(), IN_CLOSE);
  }
  void wait() {
    constexpr int wait_ms_max = 200;
    pollfd wanted{events_.get(), POLLIN, 0};
    if (::poll(&wanted, 1, wait_ms_) > 0) {
      std::array<char, 4096> unread;
      while (::read(events_.get(), unread.data(), unread.size()) > 0) continue;
      wait_ms_ = 1;
    } else {
      wait_ms_ = std::min(2 * wait_ms_, wait_ms_max);
    }
  }

 private:
  Handle events_;
  int wait_ms_ = 1;
};

Result<int> next_number(const Handle& queue, const std::string& path) {
  std::int32_t number = 0;
  if (::pread(queue.get(), &number, sizeof number, 0) < 0) return fail(file_error(path));
  const std::int32_t next = number + 1;
  if (::pwrite(queue.get(), &next, sizeof next, 0) != sizeof next) return fail(file_error(path));
  return number;
}

}  // namespace

Result<HeldStep> take_step(const std::string& folder, const Allocation& allocation,
                           const StepRequest& request) {
  const std::string slots = folder + "/step-slots", line = folder + "/step-queue";
  HeldStep step;
  SOVREN_TRY(locks, open_file(slots));
  step.locks = std::move(locks);
  SOVREN_TRY(queue, open_file(line));
  SOVREN_TRY(numbers, open_file(folder + "/step-number"));
  // One that shares need not queue. Others do: a wide step would else wait for ever.
  if (request.sharing != StepRequest::Sharing::overlap)
    while (::flock(queue.get(), LOCK_EX) != 0)
      if (errno != EINTR) return fail(file_error(line));
  EndWatch watch(slots);
  for (;;) {
    SOVREN_TRY(is_taken, try_to_take(step, allocation, request));
    if (is_taken) break;
    watch.wait();
  }
  while (::flock(numbers.get(), LOCK_EX) != 0)
    if (errno != EINTR) return fail(file_error(folder + "/step-number"));
  SOVREN_TRY(number, next_number(numbers, folder + "/step-number"));
  step.number = number;
  return step;
}

}  // namespace sovren::workers
