// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/multifactor.h"

#include <algorithm>
#include <cmath>

namespace sovren::policy {
namespace {

constexpr double cores_per_gpu = 8;  ///< what a GPU second counts for, in core seconds

double weight_of(const Usage& usage) {
  return usage.cpu_s + cores_per_gpu * usage.gpu_s;
}

template <class Named>
double priority_of(const std::vector<Named>& list, const std::string& name) {
  for (const Named& one : list)
    if (one.name == name) return one.priority;
  return 0;
}

template <class Named>
double highest(const std::vector<Named>& list) {
  double most = 0;
  for (const Named& one : list) most = std::max(most, static_cast<double>(one.priority));
  return most;
}

}  // namespace

Multifactor::Multifactor(const View& view, const PolicyConfig& config, const Uses& uses,
                         Instant now)
    : view_(view),
      config_(config),
      now_(now),
      qos_highest_(highest(config.site.qos)),
      partition_highest_(highest(config.site.partitions)) {
  if (config.weights.fair_share == 0) return;
  std::map<Association, double> used;
  if (uses.usage != nullptr)
    for (const auto& [who, usage] : *uses.usage)
      used[who] += weight_of(decayed(usage, now, uses.half_life_s));
  for (const auto& [ask, group] : view.groups()) {
    const Owner& owner = view.owner_of(ask);
    used.try_emplace({owner.account, owner.user}, 0.0);
  }
  for (const auto& [id, job] : view.running()) {
    const Owner& owner = view.owner_of(job.ask);
    const double run_s = std::max(0.0, now - job.started_at);
    used[{owner.account, owner.user}] +=
        run_s * (static_cast<double>(view.cpus_of(job.ask)) +
                 cores_per_gpu * static_cast<double>(view.gpus_of(job.ask)));
  }
  double all_used = 0;
  double all_shares = 0;
  for (const auto& [who, use] : used) {
    all_used += use;
    all_shares += shares_of(who);
  }
  for (const auto& [who, use] : used) {
    const double part = all_used > 0 ? use / all_used : 0;
    const double entitled = all_shares > 0 ? shares_of(who) / all_shares : 1;
    factor_[who] = entitled > 0 ? std::exp2(-part / entitled) : 0;
  }
}

double Multifactor::shares_of(const Association& who) const {
  for (const Account& account : config_.site.accounts) {
    if (account.name != who.account) continue;
    if (account.users.empty()) return account.shares;
    double all = 0;
    for (const auto& [user, shares] : account.users) all += shares;
    const auto own = account.users.find(who.user);
    return own == account.users.end() || all <= 0 ? 0 : account.shares * own->second / all;
  }
  return config_.site.accounts.empty() ? 1 : 0;
}

double Multifactor::fair_share(const Owner& owner) const {
  const auto found = factor_.find({owner.account, owner.user});
  return found == factor_.end() ? 1 : found->second;
}

Priority Multifactor::priority(const Ask& ask, Instant submitted) const {
  const Weights& weights = config_.weights;
  const Owner& owner = view_.owner_of(ask);
  Priority p;
  p.age = weights.age * std::max(0.0, now_ - submitted) / weights.age_unit_s;
  p.fair_share = weights.fair_share * fair_share(owner);
  if (qos_highest_ > 0)
    p.qos = weights.qos * priority_of(config_.site.qos, owner.qos) / qos_highest_;
  if (partition_highest_ > 0)
    p.partition = weights.partition * priority_of(config_.site.partitions, owner.partition) /
                  partition_highest_;
  if (view_.cpus_total() > 0)
    p.size = weights.size * static_cast<double>(view_.cpus_of(ask)) /
             static_cast<double>(view_.cpus_total());
  if (ask.deadline.ms != 0) {
    const double slack_s = (ask.deadline - submitted) - ask.estimate_s;
    const double gone = slack_s > 0 ? (now_ - submitted) / slack_s : 1;
    p.deadline = weights.deadline * std::clamp(gone, 0.0, 1.0);
  }
  p.nice = weights.nice * ask.nice;
  return p;
}

}  // namespace sovren::policy
