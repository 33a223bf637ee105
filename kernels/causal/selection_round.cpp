// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/selection_round.h"

#include <algorithm>
#include <limits>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/fdr.h"

namespace sovren::kernels {
namespace {

std::int64_t packed(Node node) {
  return (std::int64_t{node.lag} << 32) + node.variable;
}

Node unpacked(std::int64_t number) {
  return {static_cast<int>(number & 0xFFFFFFFF), static_cast<int>(number >> 32)};
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
  for (const Parent& parent : result.parents) unit.real.push_back(parent.val_min);
  for (const auto* list : {&result.parents, &result.dropped})
    for (const Parent& parent : *list) {
      unit.whole.push_back(packed(parent.node));
      unit.real.push_back(parent.p_max);
      unit.real.push_back(parent.value);
    }
  return unit;
}

Pc1Result unpack_selection(const UnitResult& unit) {
  constexpr std::size_t header = 3;
  SOVREN_CHECK(unit.whole.size() >= header, "a unit of condition selection");
  const auto parents = static_cast<std::size_t>(unit.whole[header - 1]);
  const std::size_t nodes = unit.whole.size() - header;
  SOVREN_CHECK(parents <= nodes && unit.real.size() == 1 + parents + 2 * nodes,
               "a unit of condition selection");
  Pc1Result result;
  result.counts = unit.counts;
  result.level_max = static_cast<int>(unit.whole[0]);
  result.is_capped = unit.whole[1] != 0;
  result.alpha = unit.real[0];
  for (std::size_t k = 0; k < nodes; ++k) {
    const double* const seen = unit.real.data() + 1 + parents + 2 * k;
    Parent parent{.node = unpacked(unit.whole[header + k]), .p_max = seen[0], .value = seen[1]};
    if (k < parents) parent.val_min = unit.real[1 + k];
    (k < parents ? result.parents : result.dropped).push_back(parent);
  }
  return result;
}

void set_q_values(LinkTable& links, const SearchOptions& options) {
  links.q_value = links.p_value;
  if (!options.has_fdr) return;
  const LinkShape shape{links.variables, links.min_lag, links.max_lag};
  if (options.knowledge.is_empty()) {
    links.q_value = lagged_q_values(links.p_value, shape);
    return;
  }
  const auto for_each_excluded = [&](auto&& act) {
    for (int i = 0; i < links.variables; ++i)
      for (int j = 0; j < links.variables; ++j)
        for (int lag = 1; lag <= links.max_lag; ++lag)
          if (!options.knowledge.may_link(i, j, lag)) act(links.index(i, j, lag));
  };
  for_each_excluded(
      [&](std::size_t at) { links.q_value[at] = std::numeric_limits<double>::quiet_NaN(); });
  links.q_value = lagged_q_values(links.q_value, shape);
  for_each_excluded([&](std::size_t at) { links.q_value[at] = 1; });
}

void select_on_device(const TestSource& source, const BatchTests& device,
                      std::span<const int> targets, const Pc1Options& options,
                      std::span<UnitResult> out) {
  std::ranges::transform(select_conditions(source, device, targets, options), out.begin(),
                         pack_selection);
}

double target_cost_s(const TestSource& source, const SearchOptions& options) {
  const double candidates = static_cast<double>(source.variables()) * (options.max_lag + 1);
  // Complete data: as pcmci_bench measured it for 600 candidates (0.3 ms) and 1800 (1.9 ms); the
  // conditions grow with the candidates.
  if (source.shared_correlation() != nullptr) {
    const double core_s = 4e-7 * candidates + 5e-10 * candidates * candidates;
    constexpr double device_cores = 20;  // a guess: it only makes batches large
    return working_device(source) == nullptr ? core_s : core_s / device_cores;
  }
  return candidates * source.test_s(static_cast<int>(0.02 * candidates) + 2);
}

}  // namespace sovren::kernels
