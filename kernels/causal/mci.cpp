// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/mci.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
#include "kernels/causal/conditions.h"
#include "kernels/causal/mci_panel.h"
#include "kernels/causal/shared_correlation.h"
#include "kernels/causal/student_t.h"

namespace sovren::kernels {

MciTests::MciTests(const TestSource& source, std::span<const std::vector<Parent>> parents,
                   const MciOptions& options)
    : source_(source), options_(options) {
  SOVREN_CHECK(std::ssize(parents) == source.variables(), "every variable has a parent list");
  SOVREN_CHECK(options.max_lag <= source.max_lag(), "the source holds the lags");
  for (const auto& of_one : parents) {
    auto& kept = parents_.emplace_back();
    for (const Parent& parent : of_one) {
      if (std::ssize(kept) == options.max_parents) break;
      SOVREN_CHECK(parent.node.lag >= 1 && parent.node.lag <= source.max_lag(),
                   "parents lie in the past, within max_lag");
      kept.push_back(parent.node);
    }
  }
}

void MciTests::prepare() const {
  const SharedCorrelation* const shared = source_.shared_correlation();
  if (shared == nullptr) return;
  const int n = source_.variables();
  sides_.resize(static_cast<std::size_t>(n) * static_cast<std::size_t>(options_.max_lag + 1));
  std::vector<Node> nodes;
  for (int i = 0; i < n; ++i) {
    for (int lag = options_.min_lag; lag <= options_.max_lag; ++lag) {
      nodes.clear();
      for (const Node parent : parents_[static_cast<std::size_t>(i)]) {
        const Node moved{parent.variable, parent.lag + lag};
        if (!shared->is_constant(moved)) nodes.push_back(moved);
      }
      nodes.push_back({i, lag});
      sides_[entry(i, lag)] = {columns_.size(), nodes.size(), blocks_.size(),
                               shared->is_constant({i, lag})};
      for (const Node node : nodes) columns_.push_back(node.lag * n + node.variable);
      for (std::size_t a = 0; a < nodes.size(); ++a) {
        const auto others = std::span(nodes).subspan(a);
        blocks_.resize(blocks_.size() + others.size());
        shared->correlations(nodes[a], others, std::span(blocks_).last(others.size()));
      }
    }
  }
}

TestCounts MciTests::row(int target, std::span<double> value, std::span<double> p) const {
  SOVREN_CHECK(0 <= target && target < source_.variables(), "the target is a variable");
  const std::ptrdiff_t entries = std::ptrdiff_t{source_.variables()} * (options_.max_lag + 1);
  SOVREN_CHECK(std::ssize(value) == entries && std::ssize(p) == entries,
               "value and p are (N, max_lag + 1)");
  std::ranges::fill(value, 0.0);
  std::ranges::fill(p, 1.0);
  TestCounts counts;
  if (!row_shared(target, value, p, counts)) row_one_by_one(target, value, p, counts);
  return counts;
}

void MciTests::row_one_by_one(int target, std::span<double> value, std::span<double> p,
                              TestCounts& counts) const {
  const Node y{target, 0};
  std::vector<Node> z;
  for (int i = 0; i < source_.variables(); ++i) {
    for (int lag = options_.min_lag; lag <= options_.max_lag; ++lag) {
      const Node x{i, lag};
      if (!is_tested(x, y)) continue;
      mci_conditions(x, y, parents_[static_cast<std::size_t>(target)],
                     parents_[static_cast<std::size_t>(i)], z);
      const Partial result = source_.partial(x, y, z);
      counts.count(result);
      value[entry(i, lag)] = result.value;
      p[entry(i, lag)] = p_value_of(result);
    }
  }
}

bool MciTests::row_shared(int target, std::span<double> value, std::span<double> p,
                          TestCounts& counts) const {
  const SharedCorrelation* const shared = source_.shared_correlation();
  const Node y{target, 0};
  if (shared == nullptr || shared->is_constant(y)) return false;
  std::call_once(prepared_, [this] { prepare(); });
  const auto& parents_y = parents_[static_cast<std::size_t>(target)];
  MciPanel panel(*shared, y, parents_y);
  if (!panel.is_well_conditioned()) return false;

  std::vector<Node> z;
  for (int i = 0; i < source_.variables(); ++i) {
    for (int lag = options_.min_lag; lag <= options_.max_lag; ++lag) {
      const Node x{i, lag};
      if (!is_tested(x, y)) continue;
      const Side& side = sides_[entry(i, lag)];
      Partial result{.df = source_.samples() - 2};
      if (!side.is_constant && !panel.test({columns_.data() + side.first, side.count},
                                           blocks_.data() + side.block, result)) {
        mci_conditions(x, y, parents_y, parents_[static_cast<std::size_t>(i)], z);
        result = source_.partial(x, y, z);
      }
      counts.count(result);
      value[entry(i, lag)] = result.value;
      p[entry(i, lag)] = p_value_of(result);
    }
  }
  return true;
}

bool MciTests::rows(const BatchTests& batches, std::span<const int> targets,
                    std::span<double> value, std::span<double> p,
                    std::span<TestCounts> counts) const {
  const std::size_t row = entry(source_.variables(), 0);
  SOVREN_CHECK(value.size() == targets.size() * row && p.size() == value.size() &&
                   counts.size() == targets.size(),
               "value and p are (targets, N, max_lag + 1)");
  std::vector<Partial> found(value.size());
  const MciRequest request{.parents = parents_,
                           .targets = targets,
                           .min_lag = options_.min_lag,
                           .max_lag = options_.max_lag};
  if (!batches.run(request, found)) return false;
  std::ranges::fill(value, 0.0);
  std::ranges::fill(p, 1.0);
  std::vector<Node> z;
  for (std::size_t k = 0; k < targets.size(); ++k) {
    const Node y{targets[k], 0};
    for (int i = 0; i < source_.variables(); ++i) {
      for (int lag = options_.min_lag; lag <= options_.max_lag; ++lag) {
        const Node x{i, lag};
        if (!is_tested(x, y)) continue;
        const std::size_t at = k * row + entry(i, lag);
        if (std::isnan(found[at].value)) {
          mci_conditions(x, y, parents_[static_cast<std::size_t>(y.variable)],
                         parents_[static_cast<std::size_t>(i)], z);
          found[at] = source_.partial(x, y, z);
        }
        counts[k].count(found[at]);
        value[at] = found[at].value;
        p[at] = p_value_of(found[at]);
      }
    }
  }
  return true;
}

TestCounts mci_row(const TestSource& source, int target,
                   std::span<const std::vector<Parent>> parents, const MciOptions& options,
                   std::span<double> value, std::span<double> p) {
  return MciTests(source, parents, options).row(target, value, p);
}

}  // namespace sovren::kernels
