// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "kernels/trace/columns.h"
#include "kernels/trace/wide_traversal.h"

namespace sovren::trace {

// Many rays go through a WideBvh. `Thread` is a lane of a device's warp (wavefront_cuda.cu), or the
// CPU as one (tests/unit/trace/emulated_trace_device.h):
//   Stack& stack()               of WideGroups, wide_stack_size of them
//   allot(is_wanted, counter)    the next number of the counter for each lane that wants one; all
//                                lanes of the warp call it together
//   count(is_so)                 for how many lanes of the warp it is so; all of them call it
//   lanes()                      of a warp
//   is_lonely(busy)              are few lanes here, of `busy` that could be? A guess

/// Rays to find the nearest hits of. Job of TraceRays.
struct PlainRays {
  static constexpr bool is_any = false;
  WideView bvh;
  Columns<Ray> rays;
  Columns<Hit> hits;
  std::uint32_t size = 0;
  std::uint32_t* next = nullptr;  ///< of the rays: the first that nobody has taken

  SOVREN_BOTH std::uint32_t count() const { return size; }
  SOVREN_BOTH Ray ray(std::uint32_t i) const { return rays.get(i); }
  /// Is there more to do for ray i?
  template <class Thread>
  SOVREN_DEVICE bool finish(const Thread&, std::uint32_t i, const Hit& hit) const {
    hits.put(i, hit);
    return false;
  }
};

/// Threads that stay until all rays are done: lanes whose rays have ended take new ones as soon as
/// a quarter of the warp is idle.
/// Source   Aila and Laine, Understanding the Efficiency of Ray Traversal on GPUs (HPG 2009), and
///          Ylitie et al. 2017, section 4.4, for items that are put off.
template <class Job>
struct TraceRays {
  Job job;

  template <class Thread>
  SOVREN_DEVICE void operator()(const Thread& thread) const {
    auto&& stack = thread.stack();
    WideWalk walk;
    std::uint32_t mine = 0;
    bool is_busy = false, is_dry = false;
    while (true) {
      const std::uint32_t taken = thread.allot(!is_busy && !is_dry, job.next);
      if (!is_busy && !is_dry) {
        is_busy = taken < job.count();
        is_dry = !is_busy;
        mine = taken;
        if (is_busy) walk = begin_walk(job.ray(mine));
      }
      const bool is_last = thread.count(is_dry) > 0;
      int busy = thread.count(is_busy);
      if (busy == 0) return;
      while (busy > 0 && (is_last || 4 * busy > 3 * thread.lanes())) {
        if (is_busy) is_busy = advance(thread, stack, walk, mine, busy);
        busy = thread.count(is_busy);
      }
    }
  }

 private:
  /// One node and its items. False: the ray has ended.
  template <class Thread, class Stack>
  SOVREN_DEVICE bool advance(const Thread& thread, Stack& stack, WideWalk& walk, std::uint32_t mine,
                             int busy) const {
    const auto begun = [&] { return job.ray(mine); };
    if (has_nodes(walk.nodes)) visit_node(job.bvh, walk, stack);
    while (walk.items.bits != 0) {
      visit_item<Job::is_any>(job.bvh, walk, stack, begun);
      // Where few lanes have items, the others wait: later there may be more.
      if (walk.items.bits != 0 && thread.is_lonely(busy)) {
        stack.put(walk.depth++, walk.items);
        walk.items = {};
      }
    }
    if (has_nodes(walk.nodes) || take_up(walk, stack, begun)) return true;
    if (!job.finish(thread, mine, walk.hit)) return false;
    walk = begin_walk(job.ray(mine));
    return true;
  }
};

}  // namespace sovren::trace
