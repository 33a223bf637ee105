// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/plus_units.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/base/check.h"
#include "kernels/causal/pair_tests.h"
#include "kernels/causal/student_t.h"
#include "kernels/causal/subset_tests.h"

namespace sovren::kernels {
namespace {

bool is_subset(std::span<const int> set, std::span<const int> of) {
  return std::ranges::all_of(set, [&](int k) { return std::ranges::find(of, k) != of.end(); });
}

/// act(set) for each subset of this size, in lexicographic order of places, until it says false.
/// False then.
template <typename Act>
bool for_each_subset(std::span<const int> of, int size, Act&& act) {
  if (std::ssize(of) < size) return true;
  std::vector<int> places(static_cast<std::size_t>(size));
  std::iota(places.begin(), places.end(), 0);
  std::vector<int> set(places.size());
  int kept = 0;
  do {
    for (std::size_t k = 0; k < set.size(); ++k) set[k] = of[static_cast<std::size_t>(places[k])];
    if (!act(std::span<const int>(set))) return false;
  } while (next_subset(places, static_cast<int>(of.size()), kept));
  return true;
}

double subset_count(std::size_t of, int size) {
  double count = 1;
  for (int k = 0; k < size; ++k) count *= std::max(0.0, static_cast<double>(of) - k) / (k + 1);
  return count;
}

}  // namespace

void WeakestTest::note(double other_p, double other_value) {
  if (other_p < p || (other_p == p && std::abs(other_value) >= std::abs(value))) return;
  p = other_p;
  value = other_value;
}

/// None for a lagged node: its neighbours are not conditions.
std::vector<int> PlusTests::neighbours(Node of, Node except) const {
  if (of.lag > 0) return {};
  std::vector<int> list = conditions_.neighbours[static_cast<std::size_t>(of.variable)];
  if (except.lag == 0) std::erase(list, except.variable);
  return list;
}

LinkFound PlusTests::link(const PlusLink& link, int size, bool is_required) const {
  const auto& [x, y] = link;
  const double infinity = std::numeric_limits<double>::infinity();
  LinkFound found{.least_of_x = infinity, .least_of_y = infinity};
  const std::vector<int> of_y = neighbours({y, 0}, x);
  const std::vector<int> of_x = neighbours(x, {y, 0});
  PairTests tests(source_, x, {y, 0}, parents(x.variable), parents(y), of_y, of_x);
  /// False when the set separates the two.
  const auto holds = [&](std::span<const int> set) {
    const Partial result = tests.given(set);
    const double p = p_value_of(result);
    found.weakest.note(p, result.value);
    if (is_subset(set, of_y)) found.least_of_x = std::min(found.least_of_x, std::abs(result.value));
    if (is_subset(set, of_x)) found.least_of_y = std::min(found.least_of_y, std::abs(result.value));
    return p <= alpha_ || is_required;
  };
  const auto holds_if_new = [&](std::span<const int> set) {
    return is_subset(set, of_y) || holds(set);
  };
  found.is_unlinked = !for_each_subset(of_y, size, holds) ||
                      (x.lag == 0 && !for_each_subset(of_x, size, holds_if_new));
  found.counts = tests.counts();
  found.level = tests.level();
  return found;
}

double PlusTests::link_s(const PlusLink& link, int size) const {
  const auto& [x, y] = link;
  double sets = subset_count(neighbours({y, 0}, x).size(), size);
  if (x.lag == 0) sets += subset_count(neighbours(x, {y, 0}).size(), size);
  return sets *
         source_.test_s(size + static_cast<int>(parents(x.variable).size() + parents(y).size()));
}

TripleFound PlusTests::triple(const PlusTriple& triple, int size_max) const {
  const auto& [x, middle, y] = triple;
  TripleFound found;
  const std::vector<int> of_y = neighbours({y, 0}, x);
  const std::vector<int> of_x = neighbours(x, {y, 0});
  PairTests tests(source_, x, {y, 0}, parents(x.variable), parents(y), of_y, of_x);
  const auto try_set = [&, k = middle](std::span<const int> set) {
    if (tests.counts().tests == triple_sets_max) return false;
    if (p_value_of(tests.given(set)) > alpha_) {
      ++found.separating;
      found.with_middle += std::ranges::find(set, k) != set.end();
    }
    return true;
  };
  const auto try_if_new = [&](std::span<const int> set) {
    return is_subset(set, of_y) || try_set(set);
  };
  const int largest = std::min(size_max, static_cast<int>(std::max(of_y.size(), of_x.size())));
  for (int size = 0; size <= largest; ++size)
    if (!for_each_subset(of_y, size, try_set) || !for_each_subset(of_x, size, try_if_new)) break;
  found.counts = tests.counts();
  found.level = tests.level();
  return found;
}

double PlusTests::triple_s(const PlusTriple& triple) const {
  const auto& [x, middle, y] = triple;
  const auto all = static_cast<double>(neighbours({y, 0}, x).size());
  const double sets =
      std::pow(2.0, all) + std::pow(2.0, static_cast<double>(neighbours(x, {y, 0}).size()));
  return std::min<double>(sets, triple_sets_max) *
         source_.test_s(static_cast<int>(all / 2) +
                        static_cast<int>(parents(x.variable).size() + parents(y).size()));
}

UnitResult pack(const LinkFound& found) {
  UnitResult unit;
  unit.counts = found.counts;
  unit.whole.push_back(found.level);
  unit.whole.push_back(found.is_unlinked ? 1 : 0);
  unit.real = {found.weakest.p, found.weakest.value, found.least_of_x, found.least_of_y};
  return unit;
}

LinkFound unpack_link(const UnitResult& unit) {
  SOVREN_CHECK(unit.whole.size() == 2 && unit.real.size() == 4, "a unit of the skeleton");
  return {.counts = unit.counts,
          .level = static_cast<int>(unit.whole[0]),
          .is_unlinked = unit.whole[1] != 0,
          .weakest = {unit.real[0], unit.real[1]},
          .least_of_x = unit.real[2],
          .least_of_y = unit.real[3]};
}

UnitResult pack(const TripleFound& found) {
  UnitResult unit;
  unit.counts = found.counts;
  unit.whole.push_back(found.level);
  unit.whole.push_back(found.separating);
  unit.whole.push_back(found.with_middle);
  return unit;
}

TripleFound unpack_triple(const UnitResult& unit) {
  SOVREN_CHECK(unit.whole.size() == 3, "a unit of the colliders");
  return {.counts = unit.counts,
          .level = static_cast<int>(unit.whole[0]),
          .separating = unit.whole[1],
          .with_middle = unit.whole[2]};
}

}  // namespace sovren::kernels
