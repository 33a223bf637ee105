// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/retention.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

namespace sovren::storage {
namespace {

constexpr double hour_s = 3600;

std::optional<double> hour_of(const KeptSet& set) {
  if (!std::isfinite(set.sealed_at_s) || set.sealed_at_s <= 0) return std::nullopt;
  return std::floor(set.sealed_at_s / hour_s);
}

void keep_newest(std::span<const KeptSet> sets, int keep, std::vector<bool>& stays) {
  int left = std::max(keep, 1);
  for (std::size_t i = 0; i < sets.size() && left > 0; ++i) {
    if (!sets[i].is_whole) continue;
    stays[i] = true;
    --left;
  }
}

void keep_hourly(std::span<const KeptSet> sets, int keep, std::vector<bool>& stays) {
  std::set<double> hours;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (std::ssize(hours) >= keep) return;
    const auto hour = hour_of(sets[i]);
    if (sets[i].is_whole && hour && hours.insert(*hour).second) stays[i] = true;
  }
}

void keep_best(std::span<const KeptSet> sets, const Retention& retention,
               std::vector<bool>& stays) {
  std::optional<std::size_t> best;
  double best_value = 0;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const auto found = sets[i].metrics.find(retention.best_metric);
    if (!sets[i].is_whole || found == sets[i].metrics.end() || !std::isfinite(found->second))
      continue;
    const double value = retention.best_is_highest ? -found->second : found->second;
    if (best && value > best_value) continue;
    best = i;
    best_value = value;
  }
  if (best) stays[*best] = true;
}

}  // namespace

std::vector<std::string> sets_to_delete(std::span<const KeptSet> sets, const Retention& retention) {
  std::vector<bool> stays(sets.size(), false);
  keep_newest(sets, retention.keep, stays);
  keep_hourly(sets, retention.keep_hourly, stays);
  if (!retention.best_metric.empty()) keep_best(sets, retention, stays);
  std::vector<std::string> doomed;
  for (std::size_t i = sets.size(); i-- > 0;)
    if (sets[i].is_whole && !stays[i]) doomed.push_back(sets[i].name);
  return doomed;
}

}  // namespace sovren::storage
