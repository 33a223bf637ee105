// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/feedback.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sovren::policy {
namespace {

constexpr double second_level_s = 3600;       ///< the first level ends with the quantum
constexpr double aging_unit_s = 3600;         ///< of waiting
constexpr double hysteresis = 4;              ///< a running job's advantage over a waiting one
constexpr double starving_s = 21 * 86'400.0;  ///< waited so long, a job goes before all others
constexpr double left_s_min = 60;
constexpr double points_per_doubling = 250;  ///< of multifactor priority
constexpr double doublings_most = 20;
constexpr double pin_costs = 5;  ///< so that at most a sixth of the time goes into preempting

// Logarithms of what is left are within 64 of zero.
constexpr double level_step = 128;
constexpr double tier_step = 8 * level_step;

// How many QOS stand below this one, by who may preempt whom: 0 for most.
int tier_of(const std::string& qos, const Site& site, int depth = 0) {
  if (depth > 16) return depth;  // a circle: the site file's reader refuses it
  int tier = 0;
  for (const Qos& one : site.qos) {
    if (one.name != qos) continue;
    for (const std::string& lower : one.preempts)
      tier = std::max(tier, 1 + tier_of(lower, site, depth + 1));
  }
  return tier;
}

int shield_of(const std::string& qos, const Site& site) {
  int lowest = std::numeric_limits<int>::max();
  for (const Qos& one : site.qos)
    if (std::find(one.preempts.begin(), one.preempts.end(), qos) != one.preempts.end())
      lowest = std::min(lowest, tier_of(one.name, site));
  return lowest;
}

double left_s(const Ask& ask, double attained_s) {
  const double left = ask.estimate_s - attained_s;
  return std::max(left_s_min, left > 0 ? left : attained_s / 2);
}

}  // namespace

Feedback::Feedback(const View& view, const PolicyConfig& config, const Uses& uses, Instant now)
    : config_(config), now_(now) {
  if (config.order == Order::multifactor) multifactor_.emplace(view, config, uses, now);
  const auto owners = static_cast<std::size_t>(view.owners());
  tiers_.assign(owners, 0);
  shields_.assign(owners, std::numeric_limits<int>::max());
  if (config.site.qos.empty()) return;
  for (std::size_t i = 0; i < owners; ++i) {
    const int number = static_cast<int>(i);
    const std::string& qos = view.owner_numbered(number).qos;
    tiers_[i] = tier_of(qos, config.site);
    shields_[i] = shield_of(qos, config.site);
    if (view.presence(number).waiting > 0) highest_waiting_ = std::max(highest_waiting_, tiers_[i]);
  }
}

int Feedback::level(double attained_s) const {
  return (attained_s >= config_.preemption.quantum_s ? 1 : 0) +
         (attained_s >= second_level_s ? 1 : 0);
}

double Feedback::score(const Ask& ask, Instant submitted, double attained_s,
                       bool is_running) const {
  const double tier = tier_step * tiers_[static_cast<std::size_t>(ask.owner)];
  const double advantage = is_running ? std::log2(hysteresis) : 0;
  const double waited_s = std::max(0.0, (now_ - submitted) - attained_s);
  if (waited_s > starving_s)  // first come, first served; those that run stay
    return tier + level_step + advantage -
           std::log2(std::max(1.0, static_cast<double>(submitted.ms) / 1000));
  double left = std::log2(left_s(ask, attained_s)) - 0.5 * std::log2(1 + waited_s / aging_unit_s);
  if (multifactor_) {
    Priority points = multifactor_->priority(ask, submitted);
    points.age = 0;
    left -= std::clamp(points.total() / points_per_doubling, -doublings_most, doublings_most);
  }
  return tier - level_step * level(attained_s) - left + advantage;
}

double Feedback::waiting(const Ask& ask, Instant submitted) const {
  return score(ask, submitted, ask.attained_s, false);
}

double Feedback::running(const RunningJob& job) const {
  return score(job.ask, job.submitted, job.ask.attained_s + (now_ - job.started_at), true);
}

std::optional<double> Feedback::pinned(const Ask& ask) const {
  const int shield = shields_[static_cast<std::size_t>(ask.owner)];
  if (shield > highest_waiting_) return std::nullopt;
  return tier_step * (shield - 0.5);  // behind all of that tier, before all of the next lower one
}

double Feedback::pin_s(const Ask& ask) const {
  return std::max(config_.preemption.quantum_s, pin_costs * ask.cost_s);
}

std::optional<Instant> Feedback::next_change(const Ask& ask, Instant started_at) const {
  if (!ask.can_preempt) return std::nullopt;
  std::optional<Instant> next;
  const double quantum_s = config_.preemption.quantum_s;
  for (const double after_s :
       {pin_s(ask), quantum_s - ask.attained_s, second_level_s - ask.attained_s}) {
    const Instant at = started_at + after_s;
    if (at > now_ && (!next || at < *next)) next = at;
  }
  return next;
}

}  // namespace sovren::policy
