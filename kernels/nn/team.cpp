// SPDX-License-Identifier: Apache-2.0
#include "kernels/nn/team.h"

#include <atomic>
#include <thread>
#include <vector>

namespace sovren::nn {

namespace {

constexpr int spins = 2000;  // some 20 us: the next kernel of the same step comes sooner than that

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `value` is no longer `old`, first spinning, then asleep.
template <class T>
T wait_for_change(const std::atomic<T>& value, T old) {
  for (int spin = 0; spin < spins; ++spin) {
    if (const T now = value.load(std::memory_order_acquire); now != old) return now;
    relax();
  }
  value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

struct Team::Crew {
  explicit Crew(int threads) {
    for (int helper = 1; helper < threads; ++helper) helpers.emplace_back([this] { help(); });
  }
  ~Crew() {
    is_over = true;
    call.fetch_add(1, std::memory_order_release);
    call.notify_all();
  }

  void take_parts() {
    for (std::int64_t mine = next.fetch_add(1); mine < parts; mine = next.fetch_add(1))
      (*part)(mine);
  }
  void help() {
    std::uint32_t seen = 0;
    while (true) {
      seen = wait_for_change(call, seen);
      if (is_over) return;
      take_parts();
      if (busy.fetch_sub(1, std::memory_order_acq_rel) == 1) busy.notify_one();
    }
  }

  const std::function<void(std::int64_t)>* part = nullptr;
  std::int64_t parts = 0;
  std::atomic<std::int64_t> next = 0;
  std::atomic<std::uint32_t> call = 0;  // counts the calls of run()
  std::atomic<int> busy = 0;            // helpers that have not ended this call
  std::atomic<bool> is_over = false;
  std::vector<std::jthread> helpers;  // last: they use the others
};

Team::Team(int threads) : crew_(std::make_unique<Crew>(std::max(threads, 1))) {}
Team::~Team() = default;

int Team::threads() const {
  return static_cast<int>(crew_->helpers.size()) + 1;
}

void Team::run(std::int64_t parts, const std::function<void(std::int64_t part)>& part) {
  Crew& crew = *crew_;
  if (crew.helpers.empty() || parts <= 1) {
    for (std::int64_t mine = 0; mine < parts; ++mine) part(mine);
    return;
  }
  crew.part = &part;
  crew.parts = parts;
  crew.next = 0;
  crew.busy = static_cast<int>(crew.helpers.size());
  crew.call.fetch_add(1, std::memory_order_release);
  crew.call.notify_all();
  crew.take_parts();
  for (int left = crew.busy.load(std::memory_order_acquire); left != 0;)
    left = wait_for_change(crew.busy, left);
}

}  // namespace sovren::nn
