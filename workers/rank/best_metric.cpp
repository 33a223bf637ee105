// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/best_metric.h"

#include <string_view>
#include <vector>

#include "core/text/nearest.h"

namespace sovren::workers {
namespace {

/// "val_loss" -> "training_validation_loss" is no slip of the finger, but "loss" ->
/// "training_loss" is the name without the kind's prefix.
std::string meant(std::string_view word, const std::vector<std::string_view>& names) {
  for (const std::string_view name : names)
    if (name.ends_with("_" + std::string(word))) return std::string(name);
  return text::nearest(word, names);
}

}  // namespace

std::string missing_metric(const CheckpointPolicy& policy, std::int64_t step,
                           const std::map<std::string, double>& metrics) {
  if (policy.best_metric.empty() || metrics.contains(policy.best_metric)) return {};
  std::vector<std::string_view> names;
  std::string list;
  for (const auto& [name, value] : metrics) {
    names.push_back(name);
    list += (list.empty() ? "" : ", ") + name;
  }
  std::string what = "[checkpoint] keep_best: at step " + std::to_string(step) +
                     " there is no metric '" + policy.best_metric + "'; there " +
                     (list.empty() ? "are none" : "are " + list);
  const std::string near = meant(policy.best_metric, names);
  if (!near.empty()) what += " (did you mean '" + near + "'?)";
  return what + "; until it appears, no checkpoint is kept as the best";
}

}  // namespace sovren::workers
