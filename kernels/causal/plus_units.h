// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/causal/search.h"
#include "kernels/causal/test_source.h"

namespace sovren::kernels {

// The units of PCMCI+ (pcmci_plus.h): what is tested, on what, and what was found.

/// x ?-? y: a possible link of the skeleton. At lag 0 x comes first.
struct PlusLink {
  Node x;
  int y = 0;
};

/// x ?-> middle o-o y, x and y not linked. At lag 0 x comes before y.
struct PlusTriple {
  Node x;
  int middle = 0;
  int y = 0;
};

/// What the tests of a round condition on, by variable.
struct PlusConditions {
  std::vector<std::vector<Node>> parents;    ///< lagged, strongest first
  std::vector<std::vector<int>> neighbours;  ///< at lag 0, in the order they are tried in
};

/// The test with the largest p so far; on equal p the smaller |value|.
struct WeakestTest {
  double p = -1;
  double value = 0;
  void note(double other_p, double other_value);
};

/// What a unit of the skeleton found.
struct LinkFound {
  TestCounts counts;
  int level = 0;  ///< the largest set of conditions
  bool is_unlinked = false;
  WeakestTest weakest;
  double least_of_x = 0;  ///< smallest |value| of x with y as the target; infinity: no test
  double least_of_y = 0;  ///< the same of y with x as the target, at lag 0
};

/// What a unit of the colliders found.
struct TripleFound {
  TestCounts counts;
  int level = 0;                ///< the largest set of conditions
  std::int64_t separating = 0;  ///< sets that separate the ends
  std::int64_t with_middle = 0;

  bool is_collider() const { return 2 * with_middle < separating; }
  bool is_ambiguous() const { return 2 * with_middle == separating; }
};

/// Tests of both rounds, on one source and its conditions. Pure.
class PlusTests {
 public:
  PlusTests(const TestSource& source, const PlusConditions& conditions, double alpha)
      : source_(source), conditions_(conditions), alpha_(alpha) {}

  /// Given sets of `size` neighbours. is_required: whatever the tests say, the link stays.
  LinkFound link(const PlusLink& link, int size, bool is_required) const;
  double link_s(const PlusLink& link, int size) const;
  /// link(..., 0, ...) for many links by the source's device.
  void links_given_parents(const BatchTests& device, std::span<const PlusLink> links,
                           std::span<const std::uint8_t> is_required,
                           std::span<LinkFound> out) const;

  /// Given all sets of at most size_max neighbours, smaller ones first, at most triple_sets_max.
  TripleFound triple(const PlusTriple& triple, int size_max) const;
  double triple_s(const PlusTriple& triple) const;

 private:
  std::vector<int> neighbours(Node of, Node except) const;
  std::span<const Node> parents(int variable) const {
    return conditions_.parents[static_cast<std::size_t>(variable)];
  }

  const TestSource& source_;
  const PlusConditions& conditions_;
  double alpha_;
};

inline constexpr int triple_sets_max = 1 << 16;

UnitResult pack(const LinkFound& found);
LinkFound unpack_link(const UnitResult& unit);
UnitResult pack(const TripleFound& found);
TripleFound unpack_triple(const UnitResult& unit);

}  // namespace sovren::kernels
