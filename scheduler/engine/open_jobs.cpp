// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/open_jobs.h"

#include <algorithm>
#include <vector>

#include "scheduler/policy/index.h"

namespace sovren::engine {
namespace {

template <class T>
const T* named(const std::vector<T>& all, const std::string& name) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const T& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

/// One limit on submitted jobs, and whose jobs count against it: an empty member stands for any.
struct Bound {
  const Limits* limits;
  policy::Owner whose;
  std::string text;
};

// The group's own, and that of each of its users.
template <class Group>
void add_bounds(std::vector<Bound>& bounds, const Group* group, policy::Owner whose,
                const std::string& user, const std::string& text) {
  if (group == nullptr) return;
  bounds.push_back({&group->limits, whose, text});
  whose.user = user;
  bounds.push_back({&group->user_limits, whose, "user " + user + " in " + text});
}

std::vector<Bound> bounds_of(const policy::Owner& owner, const Site& site) {
  const auto own = site.users.find(owner.user);
  std::vector<Bound> bounds{{own == site.users.end() ? &site.user_limits : &own->second,
                             {.user = owner.user},
                             "user " + owner.user}};
  add_bounds(bounds, named(site.accounts, owner.account), {.account = owner.account}, owner.user,
             "account " + owner.account);
  add_bounds(bounds, named(site.qos, owner.qos), {.qos = owner.qos}, owner.user,
             "QOS " + owner.qos);
  add_bounds(bounds, named(site.partitions, owner.partition), {.partition = owner.partition},
             owner.user, "partition " + owner.partition);
  return bounds;
}

bool is_like(const std::string& like, const std::string& name) {
  return like.empty() || like == name;
}

}  // namespace

policy::Owner OpenJobs::owner_of(const JobSpec& spec, const std::string& user, const Site& site) {
  return {.account = spec.account,
          .user = user,
          .qos = spec.qos,
          .partition = policy::partition_of(spec, site)};
}

void OpenJobs::add(const policy::Owner& owner, JobId array, std::int64_t jobs) {
  if ((jobs_[owner] += jobs) == 0) jobs_.erase(owner);
  if (array.value != 0 && (of_array_[array] += jobs) == 0) of_array_.erase(array);
}

std::int64_t OpenJobs::count(const policy::Owner& like) const {
  std::int64_t count = 0;
  for (const auto& [owner, jobs] : jobs_)
    if (is_like(like.account, owner.account) && is_like(like.user, owner.user) &&
        is_like(like.qos, owner.qos) && is_like(like.partition, owner.partition))
      count += jobs;
  return count;
}

Result<void> OpenJobs::check(const policy::Owner& owner, std::int64_t more,
                             const Site& site) const {
  for (const Bound& bound : bounds_of(owner, site)) {
    if (!bound.limits->submitted_jobs) continue;
    const std::int64_t has = count(bound.whose);
    if (has + more > *bound.limits->submitted_jobs)
      return fail({.code = Code::refused,
                   .what = bound.text + " has " + std::to_string(has) +
                           " jobs waiting and running, and may have " +
                           std::to_string(*bound.limits->submitted_jobs),
                   .hint = "wait until some have ended, or cancel some"});
  }
  return {};
}

}  // namespace sovren::engine
