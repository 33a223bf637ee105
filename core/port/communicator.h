// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/result.h"

namespace sovren {

enum class Reduce { sum, min, max };

/// The ranks of one attempt, talking to each other. Every call but rank(), size() and take() is
/// collective: all ranks make the same calls in the same order.
///
/// Order    all_reduce combines in rank order along a fixed tree, so one rank count always gives
/// the same bits. Errors   peer_lost when a peer is gone or has not answered by the deadline; the
/// communicator is useless from then on. Threads  one thread per rank.
class Communicator {
 public:
  using Bytes = std::vector<std::byte>;

  virtual ~Communicator() = default;
  virtual int rank() const = 0;
  virtual int size() const = 0;

  virtual Result<void> barrier() = 0;
  /// data: on root the source, elsewhere the target; the same size everywhere.
  virtual Result<void> broadcast(std::span<std::byte> data, int root) = 0;
  virtual Result<void> all_reduce(std::span<double> values, Reduce op) = 0;
  virtual Result<void> all_reduce(std::span<std::int64_t> values, Reduce op) = 0;
  /// One buffer per rank, any sizes; in rank order, on every rank.
  virtual Result<std::vector<Bytes>> all_gather(std::span<const std::byte> mine) = 0;
  /// As all_gather, but only root gets them; empty elsewhere.
  virtual Result<std::vector<Bytes>> gather(std::span<const std::byte> mine, int root) = 0;

  /// Each rank gives every rank some bytes (itself too) and gets some from each: to[r] goes to rank
  /// r, from[r] is filled by rank r. Both sides know the size. What goes to oneself may be where it
  /// is to come; no other two may overlap.
  virtual Result<void> exchange(std::span<const std::span<const std::byte>> to,
                                std::span<const std::span<std::byte>> from) = 0;

  /// Sets the counter that all ranks share, by which work goes to whoever is free. What was taken
  /// before has been answered, and what is taken afterwards starts here.
  virtual Result<void> set_counter(std::int64_t value) = 0;

  /// Adds to the shared counter and returns what it was: these `amount` numbers (>= 0) are the
  /// caller's alone. Not collective: any rank, at any time after the first set_counter.
  ///
  /// Speed    Within a node some nanoseconds; from other nodes up to a millisecond, whatever rank 0
  ///          does meanwhile.
  /// Errors   peer_lost; bug before the first set_counter.
  virtual Result<std::int64_t> take(std::int64_t amount) = 0;

  /// Ends all ranks of the attempt at once. Does not return.
  [[noreturn]] virtual void abort(int exit_code) = 0;
};

}  // namespace sovren
