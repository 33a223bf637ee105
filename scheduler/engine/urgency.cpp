// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/urgency.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace sovren::engine {
namespace {

// As the kernel takes it (sched_setattr(2)); Debian 12's headers for it clash with <sched.h>.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = SCHED_OTHER;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

constexpr std::uint64_t slice_ns = 100'000;

}  // namespace

void wake_fast_after_commits() {
  sched_param priority{};
  priority.sched_priority = 1;
  if (::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority) == 0) return;
  SchedulingAttributes attributes;
  attributes.runtime_ns = slice_ns;
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0U);  // an old kernel refuses: so be it
}

}  // namespace sovren::engine
