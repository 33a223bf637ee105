// SPDX-License-Identifier: Apache-2.0
#include "scheduler/policy/view.h"

#include <algorithm>
#include <utility>

#include "core/base/check.h"

namespace sovren::policy {
namespace {

template <class Name>
const Name* named(const std::vector<Name>& list, const std::string& name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Name& one) { return one.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

bool bears(const std::map<std::string, std::string>& labels,
           const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& label) {
    const auto found = labels.find(label.first);
    return found != labels.end() && found->second == label.second;
  });
}

std::vector<std::pair<std::string, const Limits*>> limits_of(const Site& site, const Owner& owner) {
  std::vector<std::pair<std::string, const Limits*>> all;
  const std::string user = "user " + owner.user;
  const auto own = site.users.find(owner.user);
  all.emplace_back(user, own == site.users.end() ? &site.user_limits : &own->second);
  const auto add = [&](const auto* one, const std::string& name) {
    if (one == nullptr) return;
    all.emplace_back(name, &one->limits);
    all.emplace_back(user + " in " + name, &one->user_limits);
  };
  add(named(site.accounts, owner.account), "account " + owner.account);
  add(named(site.qos, owner.qos), "QOS " + owner.qos);
  add(named(site.partitions, owner.partition), "partition " + owner.partition);
  return all;
}

Instant end_of(const RunningJob& job, Instant now) {
  if (job.expected_end > now) return job.expected_end;
  return job.limit_end > now ? job.limit_end : Instant{now.ms + 1000};
}

View::View(const Site& site, Order order) : site_(&site), order_(order) {}

void View::set_nodes(std::vector<ViewNode> nodes) {
  SOVREN_CHECK(std::is_sorted(nodes.begin(), nodes.end(),
                              [](const auto& a, const auto& b) { return a.name < b.name; }),
               "nodes come sorted by name");
  nodes_ = std::move(nodes);
  cpus_total_ = 0;
  cpus_free_ = 0;
  ends_ = 0;
  for (const ViewNode& node : nodes_) {
    if (node.ends_at.ms != 0) ++ends_;
    cpus_total_ += node.room.cpus_total;
    if (node.is_usable) cpus_free_ += std::max<std::int64_t>(0, node.room.cpus);
  }
  for (WhereEntry& where : wheres_) where.is_known = false;
  for (OwnerEntry& owner : owners_) owner.presence = {};
  for (Entity& entity : entities_) entity.running = 0, entity.cpus = 0, entity.gpus = 0;
  ranked_.clear();
  by_size_.clear();
  groups_.clear();
  waiting_.clear();
  running_.clear();
  by_end_.clear();
  running_of_array_.clear();
}

void View::set_usable(int number, bool is_usable) {
  ViewNode& node = nodes_[static_cast<std::size_t>(number)];
  if (node.is_usable == is_usable) return;
  node.is_usable = is_usable;
  cpus_free_ += (is_usable ? 1 : -1) * std::max<std::int64_t>(0, node.room.cpus);
  for (WhereEntry& where : wheres_) where.is_known = false;
}

void View::set_end(int number, Instant ends_at) {
  ViewNode& node = nodes_[static_cast<std::size_t>(number)];
  ends_ += (ends_at.ms != 0 ? 1 : 0) - (node.ends_at.ms != 0 ? 1 : 0);
  node.ends_at = ends_at;
}

int View::node_of(const std::string& name) const {
  const auto found =
      std::lower_bound(nodes_.begin(), nodes_.end(), name,
                       [](const ViewNode& node, const std::string& n) { return node.name < n; });
  return found != nodes_.end() && found->name == name ? static_cast<int>(found - nodes_.begin())
                                                      : -1;
}

View::ShapeKey View::key_of(const Shape& shape) {
  const Resources& r = shape.resources;
  return {r.nodes,
          r.ranks,
          r.ranks_min.value_or(0),
          r.ranks_max.value_or(0),
          r.cpus_per_rank,
          r.gpus_per_rank,
          r.memory_per_rank_bytes,
          r.backend,
          r.oversubscribe,
          r.exclusive,
          shape.labels,
          shape.partition};
}

int View::shape(const Shape& shape) {
  const auto [found, is_new] =
      shape_numbers_.try_emplace(key_of(shape), static_cast<int>(shapes_.size()));
  if (is_new) {
    const Resources& r = shape.resources;
    shapes_.push_back({.shape = shape,
                       .cpus = std::int64_t{r.ranks} * std::max(1, r.cpus_per_rank),
                       .cpus_least = policy::cpus_least(r),
                       .need = policy::need_of(r),
                       .where = where_of(shape)});
    shapes_.back().shape.resources.time_limit_s.reset();
  }
  return found->second;
}

int View::entity_of(const std::string& name, const Limits& limits) {
  const auto [found, is_new] =
      entity_numbers_.try_emplace(name, static_cast<int>(entities_.size()));
  if (is_new) entities_.push_back({.name = name, .limits = limits});
  return found->second;
}

int View::owner(const Owner& owner) {
  const auto [found, is_new] = owner_numbers_.try_emplace(owner, static_cast<int>(owners_.size()));
  if (!is_new) return found->second;
  OwnerEntry entry{.owner = owner};
  for (const auto& [name, limits] : limits_of(*site_, owner))
    if (!(*limits == Limits{})) entry.entities.push_back(entity_of(name, *limits));
  if (const Partition* partition = named(site_->partitions, owner.partition))
    entry.is_partition_up = partition->is_up;
  owners_.push_back(std::move(entry));
  return found->second;
}

int View::where_of(const Shape& shape) {
  const auto [found, is_new] =
      where_numbers_.try_emplace({shape.labels, shape.partition}, static_cast<int>(wheres_.size()));
  if (is_new) wheres_.push_back({.where = found->first, .nodes = {}});
  return found->second;
}

std::vector<bool> View::in_partition(const std::string& name) const {
  const Partition* partition = named(site_->partitions, name);
  std::vector<bool> is_in(nodes_.size(), partition == nullptr || partition->nodes.empty());
  if (partition == nullptr) return is_in;
  for (const std::string& listed : partition->nodes)
    if (const int node = node_of(listed); node >= 0) is_in[static_cast<std::size_t>(node)] = true;
  for (std::size_t i = 0; i < nodes_.size(); ++i)
    is_in[i] = is_in[i] && bears(nodes_[i].resources.labels, partition->labels);
  return is_in;
}

std::span<const int> View::allowed(const Ask& ask) const {
  const int number = shapes_[static_cast<std::size_t>(ask.shape)].where;
  WhereEntry& entry = wheres_[static_cast<std::size_t>(number)];
  if (!entry.is_known) {
    const auto& [labels, partition] = entry.where;
    const std::vector<bool> is_in = in_partition(partition);
    entry.nodes.clear();
    for (std::size_t i = 0; i < nodes_.size(); ++i)
      if (is_in[i] && nodes_[i].is_usable && bears(nodes_[i].resources.labels, labels))
        entry.nodes.push_back(static_cast<int>(i));
    entry.is_known = true;
  }
  return entry.nodes;
}

void View::list(Group& group) {
  auto& alike = by_size_[group.cpus_least];
  group.number = alike.size();
  alike.push_back(&group);
  if (!is_static(order_)) return;
  group.key = score(order_, {group.cpus, group.ask.estimate_s, group.first().submitted}, {});
  ranked_.insert(&group);
}

void View::unlist(const Group& group) {
  if (is_static(order_)) ranked_.erase(&group);
  const auto size = by_size_.find(group.cpus_least);
  auto& groups = size->second;
  groups.back()->number = group.number;
  groups[group.number] = groups.back();
  groups.pop_back();
  if (groups.empty()) by_size_.erase(size);
}

void View::wait(const Place& place, const Ask& ask) {
  remove(place.job);
  const auto [found, is_new] = groups_.try_emplace(ask);
  Group& group = found->second;
  waiting_[place.job] = {place.submitted, found};
  owners_[static_cast<std::size_t>(ask.owner)].presence.waiting += 1;
  if (is_new) {
    const ShapeEntry& shape = shapes_[static_cast<std::size_t>(ask.shape)];
    group.ask = ask;
    group.cpus = shape.cpus;
    group.cpus_least = shape.cpus_least;
  } else if (group.first() < place) {
    group.waiting.insert(group.waiting.end(), place);
    return;
  } else {
    unlist(group);
  }
  group.waiting.insert(place);
  list(group);
}

void View::start(RunningJob job) {
  remove(job.job);
  hold(job, +1);
  const JobId id = job.job;
  const RunningJob& running = running_.insert_or_assign(id, std::move(job)).first->second;
  by_end_[{running.expected_end, id}] = &running;
}

void View::hold(const RunningJob& job, int sign) {
  const ShapeEntry& shape = shapes_[static_cast<std::size_t>(job.ask.shape)];
  const Resources& resources = shape.shape.resources;
  for (const Share& share : job.shares) {
    ViewNode& node = nodes_[static_cast<std::size_t>(share.node)];
    const std::int64_t before = std::max<std::int64_t>(0, node.room.cpus);
    if (sign > 0)
      take(node.room, resources, share.ranks);
    else
      give_back(node.room, resources, share.ranks);
    if (node.is_usable) cpus_free_ += std::max<std::int64_t>(0, node.room.cpus) - before;
  }
  const std::int64_t cpus = sign * std::int64_t{job.ranks} * std::max(1, resources.cpus_per_rank);
  const std::int64_t gpus = sign * std::int64_t{job.ranks} * resources.gpus_per_rank;
  OwnerEntry& owner = owners_[static_cast<std::size_t>(job.ask.owner)];
  owner.presence.cpus += cpus;
  owner.presence.gpus += gpus;
  owner.presence.cpu_ms += cpus * job.started_at.ms;
  owner.presence.gpu_ms += gpus * job.started_at.ms;
  for (const int number : owner.entities) {
    Entity& entity = entities_[static_cast<std::size_t>(number)];
    entity.running += sign;
    entity.cpus += cpus;
    entity.gpus += gpus;
  }
  if (job.ask.array.value == 0) return;
  int& running = running_of_array_[job.ask.array];
  running += sign;
  if (running == 0) running_of_array_.erase(job.ask.array);
}

void View::remove(JobId job) {
  if (const auto waits = waiting_.find(job); waits != waiting_.end()) {
    const auto found = waits->second.group;
    const Place place{waits->second.submitted, job};
    waiting_.erase(waits);
    owners_[static_cast<std::size_t>(found->first.owner)].presence.waiting -= 1;
    Group& group = found->second;
    if (group.first() == place) {
      unlist(group);
      group.waiting.erase(group.waiting.begin());
      if (group.waiting.empty())
        groups_.erase(found);
      else
        list(group);
    } else {
      group.waiting.erase(place);
    }
    return;
  }
  const auto runs = running_.find(job);
  if (runs == running_.end()) return;
  hold(runs->second, -1);
  by_end_.erase({runs->second.expected_end, job});
  running_.erase(runs);
}

const Ask* View::waiting(JobId job) const {
  const auto found = waiting_.find(job);
  return found == waiting_.end() ? nullptr : &found->second.group->first;
}

std::vector<Room> View::rooms() const {
  std::vector<Room> rooms;
  rooms.reserve(nodes_.size());
  for (const ViewNode& node : nodes_) rooms.push_back(node.room);
  return rooms;
}

int View::running_of_array(JobId array) const {
  const auto found = running_of_array_.find(array);
  return found == running_of_array_.end() ? 0 : found->second;
}

bool View::same_as(const View& other) const {
  // In words that do not depend on the numbers of shapes and owners.
  const auto ask_text = [](const View& view, Ask ask) {
    const auto words = std::pair(key_of(view.shape_of(ask)), view.owner_of(ask));
    ask.shape = 0;
    ask.owner = 0;
    return std::pair(words, ask);
  };
  using Words = decltype(ask_text(*this, Ask{}));
  const auto waits = [&](const View& view) {
    std::map<Place, Words> all;
    for (const auto& [ask, group] : view.groups_)
      for (const Place& place : group.waiting) all.emplace(place, ask_text(view, ask));
    return all;
  };
  const auto runs = [&](const View& view) {
    std::map<JobId, std::tuple<Words, Instant, Instant, Instant, Instant, bool, int>> all;
    for (const auto& [id, job] : view.running_)
      all.emplace(id, std::tuple(ask_text(view, job.ask), job.submitted, job.started_at,
                                 job.expected_end, job.limit_end, job.is_stopping, job.ranks));
    return all;
  };
  const auto present = [](const View& view) {
    std::map<Owner, Presence> all;
    for (const OwnerEntry& entry : view.owners_)
      if (entry.presence != Presence{}) all[entry.owner] = entry.presence;
    return all;
  };
  const auto sizes = [](const View& view) {
    std::map<std::int64_t, std::size_t> all;
    for (const auto& [cpus, groups] : view.by_size_) all[cpus] = groups.size();
    return all;
  };
  const auto holds = [](const View& view) {
    std::map<std::string, std::tuple<int, std::int64_t, std::int64_t>> all;
    for (const Entity& entity : view.entities_)
      if (entity.running != 0) all[entity.name] = {entity.running, entity.cpus, entity.gpus};
    return all;
  };
  if (nodes_.size() != other.nodes_.size() || cpus_free_ != other.cpus_free_) return false;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const ViewNode& a = nodes_[i];
    const ViewNode& b = other.nodes_[i];
    if (a.name != b.name || a.is_usable != b.is_usable || !(a.room == b.room) ||
        a.ends_at != b.ends_at)
      return false;
  }
  return waits(*this) == waits(other) && runs(*this) == runs(other) &&
         holds(*this) == holds(other) && present(*this) == present(other) &&
         sizes(*this) == sizes(other) && ranked_.size() == other.ranked_.size() &&
         running_of_array_ == other.running_of_array_;
}

}  // namespace sovren::policy
