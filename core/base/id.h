// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

namespace sovren {

/// A whole number that names one kind of thing and cannot be mixed up with another. 0 means none.
template <class Tag>
struct Id {
  std::int64_t value = 0;
  auto operator<=>(const Id&) const = default;
};

using JobId = Id<struct JobTag>;     ///< counts from 1 within one event log
using EventSeq = Id<struct SeqTag>;  ///< place of an event in the log, counts from 1 without gaps
using SpecId = Id<struct SpecTag>;   ///< a spec of the log, counts from 1
using AllocationId = Id<struct AllocationTag>;  ///< of a pool, counts from 1 within one event log

}  // namespace sovren
