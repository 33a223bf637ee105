// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::engine {

/// Lets the calling thread get its core back at once when the disk has answered, not at the next
/// tick of a busy machine (4 ms): SCHED_RR where allowed, else a slice of 100 us, else nothing.
/// Threads and processes made from it do not inherit the first.
void wake_fast_after_commits();

}  // namespace sovren::engine
