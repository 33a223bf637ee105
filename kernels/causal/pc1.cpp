// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pc1.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/student_t.h"

namespace sovren::kernels {
namespace {

std::vector<Parent> all_candidates(const TestSource& source, int target,
                                   const Pc1Options& options) {
  std::vector<Parent> candidates;
  for (int i = 0; i < source.variables(); ++i)
    for (int lag = std::max(1, options.min_lag); lag <= options.max_lag; ++lag)
      if (options.knowledge == nullptr || options.knowledge->may_link(i, target, lag))
        candidates.push_back(
            {.node = {i, lag}, .val_min = std::numeric_limits<double>::infinity(), .p_max = -1});
  return candidates;
}

void note(const Partial& result, Parent& candidate) {
  candidate.val_min = std::min(candidate.val_min, std::abs(result.value));
  const double p_value = p_value_of(result);
  if (p_value > candidate.p_max) candidate.p_max = p_value, candidate.value = result.value;
}

/// One pass at one level. Candidates that fail leave, the others are sorted anew.
void pass(PassTests& tests, int target, int level, const Pc1Options& options,
          Significance& significance, Pc1Result& found) {
  std::vector<Node> order;
  order.reserve(found.parents.size());
  for (const Parent& candidate : found.parents) order.push_back(candidate.node);
  std::vector<Partial> results(order.size());
  tests.run(order, level, results);

  std::vector<Parent> kept;
  for (std::size_t c = 0; c < results.size(); ++c) {
    found.counts.count(results[c]);
    Parent candidate = found.parents[c];
    const Node node = candidate.node;
    if (significance.is_dependent(results[c]) ||
        (options.knowledge != nullptr &&
         options.knowledge->is_required(node.variable, target, node.lag))) {
      note(results[c], candidate);
      kept.push_back(candidate);
    } else if (options.keeps_dropped) {
      note(results[c], candidate);
      found.dropped.push_back(candidate);
    }
  }
  std::ranges::stable_sort(kept, std::ranges::greater{}, &Parent::val_min);
  found.parents = std::move(kept);
}

void select(const TestSource& source, int target, const Pc1Options& options, double alpha,
            Pc1Result& result) {
  const auto tests = source.passes({target, 0});
  Significance significance(alpha);
  result.alpha = alpha;
  result.parents = all_candidates(source, target, options);
  for (int level = 0; std::ssize(result.parents) > level; ++level) {
    // Even with no value missing, a larger set would leave no degree of freedom.
    if (level > options.max_conditions || source.samples() - 2 - level < 1) {
      result.is_capped = true;
      break;
    }
    pass(*tests, target, level, options, significance, result);
    result.level_max = std::max(result.level_max, level);
  }
}

/// Akaike's criterion of the regression of the target on its parents.
double akaike(const TestSource& source, int target, std::span<const Parent> parents) {
  std::vector<Node> z;
  for (const Parent& parent : parents) z.push_back(parent.node);
  const Fit fit = source.fit({target, 0}, z);
  const double parameters = 2 * (static_cast<double>(z.size()) + 1);
  if (fit.samples == 0) return parameters;
  return fit.samples * std::log(fit.samples * fit.unexplained) + parameters;
}

}  // namespace

Pc1Result select_conditions(const TestSource& source, int target, const Pc1Options& options) {
  SOVREN_CHECK(0 <= target && target < source.variables(), "the target is a variable");
  SOVREN_CHECK(options.max_lag <= source.max_lag(), "the source holds the lags");
  SOVREN_CHECK(!options.alphas.empty(), "there is an alpha");
  Pc1Result best;
  if (options.alphas.size() == 1) {
    select(source, target, options, options.alphas.front(), best);
    return best;
  }
  Pc1Result total;
  double best_score = std::numeric_limits<double>::infinity();
  for (const double alpha : options.alphas) {
    Pc1Result tried;
    select(source, target, options, alpha, tried);
    total.counts += tried.counts;
    total.level_max = std::max(total.level_max, tried.level_max);
    const double score = akaike(source, target, tried.parents);
    if (score < best_score || alpha == options.alphas.front())
      best_score = score, best = std::move(tried);
  }
  best.counts = total.counts;
  best.level_max = total.level_max;
  return best;
}

}  // namespace sovren::kernels
