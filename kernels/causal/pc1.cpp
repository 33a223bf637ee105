// SPDX-License-Identifier: Apache-2.0
#include "kernels/causal/pc1.h"

#include <algorithm>
#include <cmath>

#include "core/base/check.h"
#include "kernels/causal/batch_tests.h"
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

/// PC1 of one target at one alpha, a pass at a time.
class Selection {
 public:
  Selection(const TestSource& source, int target, const Pc1Options& options, double alpha)
      : target_(target),
        samples_(source.samples()),
        options_(options),
        significance_(alpha),
        found_{.parents = all_candidates(source, target, options), .alpha = alpha} {}

  /// Is there another pass?
  bool begin();
  Node target() const { return {target_, 0}; }
  std::span<const Node> order() const { return order_; }
  int level() const { return level_; }
  double critical() { return significance_.critical(samples_ - 2 - level_); }
  /// Of the pass, in its order. Candidates that fail leave, the others are sorted anew.
  void take(std::span<const Partial> results);

  const Pc1Result& found() const { return found_; }

 private:
  bool is_required(Node node) const {
    return options_.knowledge != nullptr &&
           options_.knowledge->is_required(node.variable, target_, node.lag);
  }

  int target_;
  int samples_;
  const Pc1Options& options_;
  Significance significance_;
  Pc1Result found_;
  int level_ = -1;
  std::vector<Node> order_;
};

bool Selection::begin() {
  ++level_;
  if (std::ssize(found_.parents) <= level_) return false;
  // Even with no value missing, a larger set would leave no degree of freedom.
  if (level_ > options_.max_conditions || samples_ - 2 - level_ < 1) {
    found_.is_capped = true;
    return false;
  }
  order_.clear();
  order_.reserve(found_.parents.size());
  for (const Parent& candidate : found_.parents) order_.push_back(candidate.node);
  return true;
}

void Selection::take(std::span<const Partial> results) {
  std::vector<Parent> kept;
  for (std::size_t c = 0; c < results.size(); ++c) {
    found_.counts.count(results[c]);
    Parent candidate = found_.parents[c];
    if (significance_.is_dependent(results[c]) || is_required(candidate.node)) {
      note(results[c], candidate);
      kept.push_back(candidate);
    } else if (options_.keeps_dropped) {
      note(results[c], candidate);
      found_.dropped.push_back(candidate);
    }
  }
  std::ranges::stable_sort(kept, std::ranges::greater{}, &Parent::val_min);
  found_.parents = std::move(kept);
  found_.level_max = std::max(found_.level_max, level_);
}

Pc1Result select(const TestSource& source, int target, const Pc1Options& options, double alpha) {
  const auto tests = source.passes({target, 0});
  Selection selection(source, target, options, alpha);
  std::vector<Partial> results;
  while (selection.begin()) {
    results.assign(selection.order().size(), Partial{});
    tests->run(selection.order(), selection.level(), results);
    selection.take(results);
  }
  return selection.found();
}

/// All in step: a pass of each that has one is one batch.
void run_together(const BatchTests& batches, std::vector<Selection>& selections) {
  std::vector<Selection*> running;
  std::vector<std::vector<Partial>> results;
  std::vector<PassRequest> requests;
  for (Selection& selection : selections) running.push_back(&selection);
  while (true) {
    std::erase_if(running, [](Selection* selection) { return !selection->begin(); });
    if (running.empty()) return;
    requests.clear();
    results.resize(running.size());
    for (std::size_t k = 0; k < running.size(); ++k) {
      Selection& selection = *running[k];
      results[k].assign(selection.order().size(), Partial{});
      requests.push_back({.target = selection.target(),
                          .order = selection.order(),
                          .level = selection.level(),
                          .critical = selection.critical(),
                          .out = results[k]});
    }
    batches.run(requests);
    for (std::size_t k = 0; k < running.size(); ++k) running[k]->take(results[k]);
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

/// Of the results of all alphas that with the least AIC.
Pc1Result choose(const TestSource& source, int target, std::vector<Pc1Result> tried) {
  if (tried.size() == 1) return std::move(tried.front());
  TestCounts counts;
  int level_max = -1;
  double best_score = std::numeric_limits<double>::infinity();
  std::size_t best = 0;
  for (std::size_t k = 0; k < tried.size(); ++k) {
    counts += tried[k].counts;
    level_max = std::max(level_max, tried[k].level_max);
    const double score = akaike(source, target, tried[k].parents);
    if (k == 0 || score < best_score) best_score = score, best = k;
  }
  Pc1Result result = std::move(tried[best]);
  result.counts = counts;
  result.level_max = level_max;
  return result;
}

void check(const TestSource& source, int target, const Pc1Options& options) {
  SOVREN_CHECK(0 <= target && target < source.variables(), "the target is a variable");
  SOVREN_CHECK(options.max_lag <= source.max_lag(), "the source holds the lags");
  SOVREN_CHECK(!options.alphas.empty(), "there is an alpha");
}

/// Targets that go in step: enough to fill a device, few enough for all their candidates to be
/// kept.
constexpr std::size_t batch_targets = 256;

}  // namespace

Pc1Result select_conditions(const TestSource& source, int target, const Pc1Options& options) {
  check(source, target, options);
  std::vector<Pc1Result> tried;
  for (const double alpha : options.alphas) tried.push_back(select(source, target, options, alpha));
  return choose(source, target, std::move(tried));
}

std::vector<Pc1Result> select_conditions(const TestSource& source, const BatchTests& batches,
                                         std::span<const int> targets, const Pc1Options& options) {
  std::vector<Pc1Result> chosen;
  for (; !targets.empty(); targets = targets.subspan(std::min(batch_targets, targets.size()))) {
    const auto batch = targets.first(std::min(batch_targets, targets.size()));
    std::vector<Selection> selections;
    for (const int target : batch) {
      check(source, target, options);
      for (const double alpha : options.alphas)
        selections.emplace_back(source, target, options, alpha);
    }
    run_together(batches, selections);
    auto selection = selections.begin();
    for (const int target : batch) {
      std::vector<Pc1Result> tried;
      for (std::size_t k = 0; k < options.alphas.size(); ++k)
        tried.push_back((selection++)->found());
      chosen.push_back(choose(source, target, std::move(tried)));
    }
  }
  return chosen;
}

}  // namespace sovren::kernels
