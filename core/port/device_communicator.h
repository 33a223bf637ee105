// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "core/base/result.h"

namespace sovren {

/// The ranks of one attempt, moving data between their devices without the host. All calls are
/// collective and ordered by `stream`: they return when the work is queued; wait() sees it done.
///
/// Model    made from a Communicator (the unique id goes by broadcast), never half: either every
///          rank has it or every rank has the error.
/// Errors   peer_lost: a peer is gone or late (the deadline is checked in wait()); device. Sticky.
/// Pointers are device pointers of float32. `stream`: a cudaStream_t; null: the default one.
class DeviceCommunicator {
 public:
  virtual ~DeviceCommunicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  /// to (slices[rank]) = sum over ranks of each one's from (sum of slices), cut into the slices of
  /// the ranks, in rank order; slices: elements of each. The same bits for the same number of
  /// ranks.
  virtual Result<void> reduce_scatter(const float* from, float* to,
                                      std::span<const std::size_t> slices, void* stream) = 0;
  /// whole (sum of slices) = all ranks' slices; mine lies in place or elsewhere.
  virtual Result<void> all_gather(const float* mine, float* whole,
                                  std::span<const std::size_t> slices, void* stream) = 0;
  /// Waits for all that was queued on `stream`, watching the peers.
  virtual Result<void> wait(void* stream) = 0;
};

}  // namespace sovren
