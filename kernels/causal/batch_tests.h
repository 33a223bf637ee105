// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kernels/causal/test_source.h"

namespace sovren::kernels {

/// A pass of PC1: what PassTests::run() does, for one of many targets.
struct PassRequest {
  Node target;
  std::span<const Node> order;
  int level = 0;
  double critical = 0;  ///< |value| that decides; those near to it are the CPU's
  std::span<Partial> out;
};

/// One test of x and y given z.
struct TestRequest {
  Node x;
  Node y;
  std::span<const Node> z;
  double critical = -1;  ///< as above; -1: there is no threshold
};

/// x and y tested given `base` and each subset of `size` nodes of `list`, in lexicographic order up
/// to the first subset that separates them.
struct SubsetRequest {
  Node x;
  Node y;
  std::span<const Node> base;
  std::span<const Node> list;
  int size = 0;
  double critical = 0;  ///< |value| at most this separates; near to it, the judge decides
  /// By place of the list; empty: none. Subsets of such places alone do not separate, as is known,
  /// and do not count.
  std::span<const std::uint8_t> known;
};

struct SubsetOutcome {
  std::int64_t rank = -1;  ///< of the subset that separates; -1: none does
  Partial weakest;         ///< the test that separates; otherwise that with the least |value|
  TestCounts counts;       ///< as if they were done one after another
};

/// Judges a test near the threshold as the search on the CPU does.
class Judge {
 public:
  virtual ~Judge() = default;
  virtual bool is_separated(const Partial& partial) const = 0;
};

/// Rows of MCI, MciTests::row() for many targets. parents: of all variables, no constants dropped.
struct MciRequest {
  std::span<const std::vector<Node>> parents;
  std::span<const int> targets;
  int min_lag = 0;
  int max_lag = 0;
};

/// Many tests at once, for sources that have a device to run them on. Every answer is what the
/// source on the CPU gives: values within 1e-12, and the same decisions, since tests near a
/// threshold and ill-conditioned ones are repeated there. A device that fails is given up: the CPU
/// goes on alone, and trouble() says why.
///
/// Laws     an answer does not depend on what else is asked, bit for bit, on one kind of device.
/// Threads  any number; they wait for one another.
class BatchTests {
 public:
  virtual ~BatchTests() = default;
  virtual void run(std::span<const PassRequest> requests) const = 0;
  virtual void run(std::span<const TestRequest> requests, std::span<Partial> out) const = 0;
  virtual void run(std::span<const SubsetRequest> requests, const Judge& judge,
                   std::span<SubsetOutcome> out) const = 0;
  /// out: (targets, N, max_lag + 1). Entries below min_lag, the target itself, and those that the
  /// device cannot say have df = 0 and value not a number. False: there is no device (any more).
  virtual bool run(const MciRequest& request, std::span<Partial> out) const = 0;

  /// Why the device was given up; "": it was not.
  virtual std::string trouble() const = 0;
  /// Tests that the CPU repeated.
  virtual std::int64_t repeated() const = 0;
};

/// The source's device; null: it has none, or has given it up.
inline const BatchTests* working_device(const TestSource& source) {
  const BatchTests* const batches = source.batches();
  return batches != nullptr && batches->trouble().empty() ? batches : nullptr;
}

}  // namespace sovren::kernels
