// SPDX-License-Identifier: Apache-2.0
// Could a job ever run? Asked before it is accepted.
#include <algorithm>
#include <numeric>
#include <set>

#include "scheduler/policy/index.h"
#include "scheduler/policy/policy.h"
#include "scheduler/policy/pool.h"

namespace sovren::policy {
namespace {

std::string count_of(std::int64_t n, const std::string& noun) {
  return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
}

Error refused(std::string what, std::string hint) {
  return {.code = Code::refused, .what = std::move(what), .hint = std::move(hint)};
}

int ranks_least(const Resources& r) {
  return r.ranks_min.value_or(r.ranks);
}

// Of ranks_least ranks, as many as the fullest node has.
int ranks_on_fullest(const Resources& r) {
  const int nodes = std::max(1, r.nodes);
  return (ranks_least(r) + nodes - 1) / nodes;
}

// "ranks = 64", "ranks_min = 8": the line of the job file that asks for too much.
std::string ranks_text(const Resources& r) {
  std::string text = (r.ranks_min ? "ranks_min = " : "ranks = ") + std::to_string(ranks_least(r));
  if (r.nodes > 1) text += " on nodes = " + std::to_string(r.nodes);
  if (r.cpus_per_rank > 1) text += " with cpus_per_rank = " + std::to_string(r.cpus_per_rank);
  return text;
}

Error too_few_cpus(const Resources& r, const Room& largest, std::size_t nodes) {
  const int per_rank = std::max(1, r.cpus_per_rank);
  const int ranks = ranks_on_fullest(r);
  const std::int64_t shared = std::int64_t{largest.cpus_total} * ranks_per_core_max / per_rank;
  const std::string cores = count_of(std::int64_t{ranks} * per_rank, "core");
  const bool is_no = r.oversubscribe == Oversubscribe::no;
  const bool may_share = is_no && shared >= ranks;
  const std::string wanted = may_share ? "auto" : "yes";
  const std::string key = r.ranks_min ? "ranks_min" : "ranks";
  const std::int64_t allowed = is_no ? largest.cpus_total / per_rank : shared;
  std::string hint;
  if (allowed > 0)
    hint = "set " + key + " to at most " + std::to_string(allowed * r.nodes) + ", or ";
  if (r.nodes == 1 && allowed > 0 && static_cast<std::int64_t>(nodes) * allowed >= ranks)
    hint += "set resources.nodes = " + std::to_string((ranks + allowed - 1) / allowed) + ", or ";
  return refused(ranks_text(r) + " needs " + cores + (r.nodes > 1 ? " on each" : "") +
                     " or oversubscribe = \"" + wanted + "\"; the largest node has " +
                     count_of(largest.cpus_total, "core") + " (" + count_of(shared, "rank") +
                     " with oversubscription)",
                 hint + "set resources.oversubscribe = \"" + wanted + "\"");
}

// Which resource the nodes have too little of. Only for requests that fit on none of them, idle.
Error why_never(const Resources& r, const std::vector<Room>& idle) {
  const auto most = [&](auto member) {
    return *std::max_element(idle.begin(), idle.end(),
                             [&](const Room& a, const Room& b) { return a.*member < b.*member; });
  };
  const int ranks = ranks_on_fullest(r);
  const Room by_gpus = most(&Room::gpus_total);
  const Room by_memory = most(&Room::memory_bytes);
  if (r.backend == Backend::cuda && by_gpus.gpus_total == 0)
    return refused("backend = \"cuda\" needs a GPU; no node has one",
                   "set resources.backend = \"auto\" or \"cpu\"");
  if (r.nodes > static_cast<int>(idle.size()))
    return refused("nodes = " + std::to_string(r.nodes) + " needs " + count_of(r.nodes, "node") +
                       "; " + std::to_string(idle.size()) + " known would do",
                   "set resources.nodes to at most " + std::to_string(idle.size()) +
                       "; ranks may still be many");
  if (r.nodes > r.ranks)
    return refused("nodes = " + std::to_string(r.nodes) + " with ranks = " +
                       std::to_string(r.ranks) + ": each node needs a rank of its own",
                   "set resources.ranks to at least " + std::to_string(r.nodes));
  Resources plain{
      .ranks = ranks, .cpus_per_rank = r.cpus_per_rank, .oversubscribe = r.oversubscribe};
  if (std::none_of(idle.begin(), idle.end(), [&](const Room& room) {
        return ranks_in(plain, Growth::up_to_ranks, room) > 0;
      }))
    return too_few_cpus(r, most(&Room::cpus_total), idle.size());
  if (r.gpus_per_rank > 0 && by_gpus.gpus_total / r.gpus_per_rank < ranks)
    return refused(ranks_text(r) + " with gpus_per_rank = " + std::to_string(r.gpus_per_rank) +
                       " needs " + count_of(std::int64_t{ranks} * r.gpus_per_rank, "GPU") +
                       "; the most on one node is " + std::to_string(by_gpus.gpus_total),
                   "use fewer ranks, or gpus_per_rank = 0 to share what is there");
  if (r.memory_per_rank_bytes > 0 && by_memory.memory_bytes / r.memory_per_rank_bytes < ranks)
    return refused(ranks_text(r) + " with memory_per_rank = \"" +
                       format_size(r.memory_per_rank_bytes) + "\" needs " +
                       format_size(ranks * r.memory_per_rank_bytes) + "; the most on one node is " +
                       format_size(by_memory.memory_total_bytes),
                   "use fewer ranks or less memory_per_rank");
  if (r.nodes > 1)
    return refused(
        ranks_text(r) + ": too few of " + count_of(std::ssize(idle), "node") + " are large enough",
        "use fewer ranks or nodes");
  return refused(ranks_text(r) + " fits on no node: cores, GPUs and memory are on different ones",
                 "use fewer ranks");
}

template <class Named>
std::string names_of(const std::vector<Named>& list) {
  std::string text;
  for (const Named& one : list) text += (text.empty() ? "" : ", ") + one.name;
  return text;
}

template <class Named>
Result<const Named*> find_named(const std::vector<Named>& list, const std::string& name,
                                const std::string& key) {
  for (const Named& one : list)
    if (one.name == name) return &one;
  if (list.empty()) return nullptr;  // nothing is set up: any name will do
  return fail(refused(key + " = \"" + name + "\": there is no such " + key,
                      "there are: " + names_of(list)));
}

bool is_open_to(const std::vector<std::string>& names, const std::string& name) {
  return names.empty() || std::find(names.begin(), names.end(), name) != names.end();
}

// user: empty where nobody asks, as for `sovren run`.
bool may_use(const std::vector<std::string>& users, const std::string& user) {
  return user.empty() || is_open_to(users, user);
}

Result<void> check_limits_of(const std::string& whose, const Limits& limits, const Resources& r) {
  const auto over = [&](const std::string& key, const std::string& value, const std::string& most) {
    return fail(
        refused("resources." + key + " = " + value + " is over the limit of " + whose + ", " + most,
                "ask for less, or for another partition or QOS"));
  };
  if (limits.nodes_per_job && r.nodes > *limits.nodes_per_job)
    return over("nodes", std::to_string(r.nodes), std::to_string(*limits.nodes_per_job));
  const std::int64_t cpus = std::int64_t{ranks_least(r)} * std::max(1, r.cpus_per_rank);
  if (limits.cpus && cpus > *limits.cpus)
    return over("ranks", std::to_string(ranks_least(r)), count_of(*limits.cpus, "core"));
  const std::int64_t gpus = std::int64_t{ranks_least(r)} * r.gpus_per_rank;
  if (limits.gpus && gpus > *limits.gpus)
    return over("gpus_per_rank", std::to_string(r.gpus_per_rank), count_of(*limits.gpus, "GPU"));
  if (limits.time_limit_s && r.time_limit_s.value_or(*limits.time_limit_s) > *limits.time_limit_s)
    return over("time_limit", "\"" + format_duration(*r.time_limit_s) + "\"",
                format_duration(*limits.time_limit_s));
  return {};
}

Result<void> check_site(const JobSpec& spec, const Site& site, const std::string& user) {
  const std::string partition_name = partition_of(spec, site);
  SOVREN_TRY(partition, find_named(site.partitions, partition_name, "partition"));
  if (partition != nullptr &&
      (!may_use(partition->users, user) || !is_open_to(partition->accounts, spec.account)))
    return fail(refused(
        "partition = \"" + partition->name + "\" is not open to " +
            (may_use(partition->users, user) ? "account \"" + spec.account + "\"" : "user " + user),
        "there are: " + names_of(site.partitions)));
  if (!spec.qos.empty()) {
    SOVREN_TRY(qos, find_named(site.qos, spec.qos, "qos"));
    if (qos != nullptr && !may_use(qos->users, user))
      return fail(refused("qos = \"" + qos->name + "\" is not open to user " + user,
                          "there are: " + names_of(site.qos)));
  }
  if (!spec.account.empty()) {
    SOVREN_TRY(account, find_named(site.accounts, spec.account, "account"));
    if (account != nullptr && !account->users.empty() && !user.empty() &&
        !account->users.contains(user))
      return fail(refused("account = \"" + account->name + "\" does not have user " + user,
                          "there are: " + names_of(site.accounts)));
  }
  for (const auto& [whose, limits] :
       limits_of(site, {spec.account, user, spec.qos, partition_name}))
    SOVREN_DO(check_limits_of(whose, *limits, spec.resources));
  return {};
}

// Those that the job may run on, as if they were up and idle.
std::vector<Room> idle_rooms(const JobSpec& spec, const State& state, const Site& site,
                             double unlimited_s) {
  std::vector<Room> rooms;
  const std::string name = partition_of(spec, site);
  const auto partition = std::find_if(site.partitions.begin(), site.partitions.end(),
                                      [&](const Partition& one) { return one.name == name; });
  const bool has_partition = partition != site.partitions.end();
  const double estimate_s = spec.resources.time_limit_s.value_or(unlimited_s);
  const auto add = [&](const Node& node) {
    const NodeResources& has = node.resources;
    // One of a pool stays for as long as its allocation; pools speak for themselves.
    const Allocation* allocation = allocation_of(state, has);
    if (allocation != nullptr && !can_checkpoint(spec) && estimate_s > allocation->time_limit_s)
      return;
    if (bears(has.labels, spec.labels) && (!has_partition || bears(has.labels, partition->labels)))
      rooms.push_back(idle_room(has.cpus, has.gpus, has.memory_bytes));
  };
  if (!has_partition || partition->nodes.empty()) {
    for (const auto& [node_name, node] : state.nodes) add(node);
    return rooms;
  }
  for (const std::string& listed :
       std::set<std::string>(partition->nodes.begin(), partition->nodes.end()))
    if (const auto node = state.nodes.find(listed); node != state.nodes.end()) add(node->second);
  return rooms;
}

/// What pools could offer beside the nodes that are there.
struct PoolOffer {
  std::vector<Room> rooms;
  const Pool* too_short = nullptr;  ///< would do, but for the time limit of its allocations
};

PoolOffer pool_offer(const JobSpec& spec, const PolicyConfig& config) {
  PoolOffer offer;
  const std::string partition = partition_of(spec, config.site);
  const double estimate_s = spec.resources.time_limit_s.value_or(config.unlimited_s);
  for (const Pool& pool : config.site.pools) {
    if (!serves(pool, config.site, partition, spec.labels)) continue;
    if (!can_checkpoint(spec) && estimate_s > span_s(pool)) {
      if (could_hold(pool, spec.resources)) offer.too_short = &pool;
      continue;
    }
    const int nodes = std::min(pool.max_nodes, std::max(1, spec.resources.nodes));
    offer.rooms.insert(offer.rooms.end(), static_cast<std::size_t>(nodes),
                       idle_room(pool.cpus, pool.gpus, pool.memory_bytes));
  }
  return offer;
}

Error pool_too_short(const JobSpec& spec, const Pool& pool) {
  const auto limit_s = spec.resources.time_limit_s;
  return refused("the job cannot checkpoint and " +
                     (limit_s ? "has time_limit = \"" + format_duration(*limit_s) + "\""
                              : std::string("names no time_limit")) +
                     "; nodes of pool " + pool.name + " are there for " +
                     format_duration(pool.time_limit_s),
                 "set resources.time_limit to at most \"" + format_duration(span_s(pool)) +
                     "\", or let it checkpoint");
}

// No node bears the labels: which, and what there is.
Error no_such_label(const JobSpec& spec, const State& state) {
  for (const auto& [key, value] : spec.labels) {
    std::set<std::string> values;
    for (const auto& [name, node] : state.nodes)
      if (const auto found = node.resources.labels.find(key); found != node.resources.labels.end())
        values.insert(found->second);
    if (values.contains(value)) continue;
    std::string there;
    for (const std::string& one : values) there += (there.empty() ? "" : ", ") + one;
    return refused("labels." + key + " = \"" + value + "\": no node bears it",
                   values.empty()
                       ? "no node has a label " + key + "; sovren worker --label " + key + "=" +
                             value + " gives it one, and SOVREN_NODE_LABELS for sovren run"
                       : "there are: " + there);
  }
  return refused("no node bears all of the job's labels at once, in its partition",
                 "sovren nodes lists what they bear");
}

}  // namespace

Result<void> can_ever_run(const JobSpec& spec, const State& state, const PolicyConfig& config,
                          const std::string& user) {
  if (state.nodes.empty() && config.site.pools.empty())
    return fail(refused("no node has joined, so no job can run", ""));
  SOVREN_DO(check_site(spec, config.site, user));
  std::vector<Room> rooms = idle_rooms(spec, state, config.site, config.unlimited_s);
  const PoolOffer offer = pool_offer(spec, config);
  rooms.insert(rooms.end(), offer.rooms.begin(), offer.rooms.end());
  if (rooms.empty() && offer.too_short != nullptr)
    return fail(pool_too_short(spec, *offer.too_short));
  if (rooms.empty() && spec.labels.empty())
    return fail(refused("partition = \"" + partition_of(spec, config.site) + "\" has no node",
                        "sovren partitions lists them"));
  if (rooms.empty()) return fail(no_such_label(spec, state));
  std::vector<int> all(rooms.size());
  std::iota(all.begin(), all.end(), 0);
  if (place(spec.resources, Growth::up_to_ranks, rooms, all)) return {};
  return fail(why_never(spec.resources, rooms));
}

JobSpec with_site_defaults(JobSpec spec, const Site& site, const std::string& user) {
  spec.partition = partition_of(spec, site);
  if (spec.account.empty())
    for (const Account& account : site.accounts)
      if (spec.account.empty() && account.users.contains(user)) spec.account = account.name;
  std::optional<double>& time_limit_s = spec.resources.time_limit_s;
  if (time_limit_s) return spec;
  const std::string& name = spec.partition;
  for (const Partition& partition : site.partitions)
    if (partition.name == name) time_limit_s = partition.default_time_limit_s;
  for (const Pool& pool : site.pools)  // else it would never start there
    if (pool.name == name && !can_checkpoint(spec) && !time_limit_s) time_limit_s = span_s(pool);
  for (const auto& [whose, limits] : limits_of(site, {spec.account, user, spec.qos, name}))
    if (limits->time_limit_s)
      time_limit_s = std::min(time_limit_s.value_or(*limits->time_limit_s), *limits->time_limit_s);
  return spec;
}

}  // namespace sovren::policy
