// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/multifactor.h"

#include <algorithm>
#include <cmath>

namespace sovren::policy {
namespace {

constexpr double cores_per_gpu = 8;  ///< what a GPU second counts for, in core seconds

double weight_of(double cpu_s, double gpu_s) {
  return cpu_s + cores_per_gpu * gpu_s;
}

double usage_factor(const Site& site, const std::string& qos) {
  for (const Qos& one : site.qos)
    if (one.name == qos) return one.usage_factor;
  return 1;
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
    : view_(view), config_(config), now_(now) {
  const Weights& weights = config.weights;
  const double qos_highest = highest(config.site.qos);
  const double partition_highest = highest(config.site.partitions);
  of_owner_.resize(static_cast<std::size_t>(view.owners()));
  for (int number = 0; number < view.owners(); ++number) {
    const Owner& owner = view.owner_numbered(number);
    Priority& p = of_owner_[static_cast<std::size_t>(number)];
    if (qos_highest > 0)
      p.qos = weights.qos * priority_of(config.site.qos, owner.qos) / qos_highest;
    if (partition_highest > 0)
      p.partition = weights.partition * priority_of(config.site.partitions, owner.partition) /
                    partition_highest;
  }
  if (weights.fair_share != 0) find_fair_shares(uses);
}

void Multifactor::find_fair_shares(const Uses& uses) {
  std::map<Member, double> used;
  if (uses.usage != nullptr)
    for (const auto& [who, usage] : *uses.usage) {
      const Usage left = decayed(usage, now_, uses.half_life_s);
      used[{who.account, who.user}] +=
          usage_factor(config_.site, who.qos) * weight_of(left.cpu_s, left.gpu_s);
    }
  std::map<Association, Presence> present;
  for (int number = 0; number < view_.owners(); ++number) {
    const Presence& has = view_.presence(number);
    if (has == Presence{}) continue;
    const Owner& owner = view_.owner_numbered(number);
    present[{owner.account, owner.user, owner.qos}] += has;
  }
  for (const auto& [who, has] : present)
    used[{who.account, who.user}] += usage_factor(config_.site, who.qos) *
                                     std::max(0.0, weight_of(has.cpu_s(now_), has.gpu_s(now_)));
  std::map<std::string, int> peers;
  for (const auto& [member, use] : used) peers[member.account] += 1;
  double all_used = 0;
  double all_shares = 0;
  for (const auto& [member, use] : used) {
    all_used += use;
    all_shares += shares_of(member, peers);
  }
  for (int number = 0; number < view_.owners(); ++number) {
    const Owner& owner = view_.owner_numbered(number);
    const auto found = used.find({owner.account, owner.user});
    if (found == used.end()) continue;  // has used nothing, and waits for nothing
    const double part = all_used > 0 ? found->second / all_used : 0;
    const double entitled = all_shares > 0 ? shares_of(found->first, peers) / all_shares : 1;
    of_owner_[static_cast<std::size_t>(number)].fair_share =
        entitled > 0 ? config_.weights.fair_share * std::exp2(-part / entitled) : 0;
  }
}

double Multifactor::shares_of(const Member& member, const std::map<std::string, int>& peers) const {
  for (const Account& account : config_.site.accounts) {
    if (account.name != member.account) continue;
    if (account.users.empty()) return account.shares / peers.at(member.account);
    double all = 0;
    for (const auto& [user, shares] : account.users) all += shares;
    const auto own = account.users.find(member.user);
    return own == account.users.end() || all <= 0 ? 0 : account.shares * own->second / all;
  }
  return config_.site.accounts.empty() ? 1 : 0;
}

Priority Multifactor::priority(const Ask& ask, Instant submitted) const {
  const Weights& weights = config_.weights;
  Priority p = of_owner_[static_cast<std::size_t>(ask.owner)];
  p.age = weights.age * std::max(0.0, now_ - submitted) / weights.age_unit_s;
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
