// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/selection_round.h"

#include <algorithm>

#include "core/base/check.h"

namespace sovren::kernels {
namespace {

void pack(std::span<const Parent> nodes, UnitResult& unit) {
  for (const Parent& parent : nodes) {
    unit.whole.insert(unit.whole.end(), {parent.node.variable, parent.node.lag});
    unit.real.insert(unit.real.end(), {parent.val_min, parent.p_max, parent.value});
  }
}

}  // namespace

Pc1Options pc1_options(const SearchOptions& options) {
  return {.min_lag = std::max(1, options.min_lag),
          .max_lag = options.max_lag,
          .alphas = options.pc_alphas,
          .max_conditions = options.max_conditions,
          .knowledge = options.knowledge.is_empty() ? nullptr : &options.knowledge};
}

UnitResult pack_selection(const Pc1Result& result) {
  UnitResult unit;
  unit.counts = result.counts;
  for (const std::int64_t number : {std::int64_t{result.level_max}, std::int64_t{result.is_capped},
                                    std::int64_t{std::ssize(result.parents)}})
    unit.whole.push_back(number);
  unit.real.push_back(result.alpha);
  pack(result.parents, unit);
  pack(result.dropped, unit);
  return unit;
}

Pc1Result unpack_selection(const UnitResult& unit) {
  constexpr std::size_t header = 3;
  SOVREN_CHECK(unit.whole.size() >= header && unit.real.size() >= 1 &&
                   (unit.whole.size() - header) * 3 == (unit.real.size() - 1) * 2,
               "a unit of condition selection");
  Pc1Result result;
  result.counts = unit.counts;
  result.level_max = static_cast<int>(unit.whole[0]);
  result.is_capped = unit.whole[1] != 0;
  result.alpha = unit.real[0];
  const std::size_t nodes = (unit.whole.size() - header) / 2;
  for (std::size_t k = 0; k < nodes; ++k) {
    const std::int64_t* const node = unit.whole.data() + header + 2 * k;
    const double* const seen = unit.real.data() + 1 + 3 * k;
    auto& list = std::ssize(result.parents) < unit.whole[2] ? result.parents : result.dropped;
    list.push_back({.node = {static_cast<int>(node[0]), static_cast<int>(node[1])},
                    .val_min = seen[0],
                    .p_max = seen[1],
                    .value = seen[2]});
  }
  return result;
}

double target_cost_s(const TestSource& source, const SearchOptions& options) {
  const double candidates = static_cast<double>(source.variables()) * (options.max_lag + 1);
  // Complete data: as pcmci_bench measured it for 600 candidates (0.3 ms) and 1800 (1.9 ms); the
  // conditions grow with the candidates.
  if (source.shared_correlation() != nullptr)
    return 4e-7 * candidates + 5e-10 * candidates * candidates;
  return candidates * source.test_s(static_cast<int>(0.02 * candidates) + 2);
}

}  // namespace sovren::kernels
