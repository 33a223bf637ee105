// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/id.h"
#include "core/base/units.h"
#include "core/model/site.h"
#include "core/model/state.h"
#include "scheduler/policy/order.h"
#include "scheduler/policy/placement.h"

namespace sovren::policy {

/// Does a node bear all of these labels?
bool bears(const std::map<std::string, std::string>& labels,
           const std::map<std::string, std::string>& wanted);

/// A request with all that placement looks at; interned, so that a thousand alike are one.
struct Shape {
  Resources resources;  ///< without its time limit
  std::map<std::string, std::string> labels;
  std::string partition;
};

/// Whose jobs: what their limits and their share are counted by.
struct Owner {
  std::string account;
  std::string user;
  std::string qos;
  std::string partition;
  auto operator<=>(const Owner&) const = default;
};

/// All limits that such a job counts under, each with its name for people: "user ada in QOS long".
std::vector<std::pair<std::string, const Limits*>> limits_of(const Site& site, const Owner& owner);

/// All that decides when a waiting job starts, but for when it was submitted: jobs that ask alike
/// wait in one group, first come first served.
struct Ask {
  int shape = 0;
  int owner = 0;
  double estimate_s = 0;  ///< how long it is expected to run on; never 0
  double attained_s = 0;  ///< how long it has run in earlier attempts
  double cost_s = 0;      ///< of preempting it: seal and restore
  double nice = 0;        ///< its own priority
  bool can_preempt = false;
  int preemptions = 0;
  JobId array;  ///< its array, where that limits how many run at once
  int array_max = 0;
  Instant deadline;  ///< {0}: none
  bool operator==(const Ask&) const = default;

  auto key() const {
    return std::tuple(shape, owner, estimate_s, attained_s, cost_s, nice, can_preempt, preemptions,
                      array, array_max, deadline);
  }
  bool operator<(const Ask& other) const { return key() < other.key(); }
};

/// Place of a waiting job in its group.
struct Place {
  Instant submitted;
  JobId job;
  auto operator<=>(const Place&) const = default;
};

struct Group {
  Ask ask;
  std::int64_t cpus = 0;           ///< that its shape asks for
  std::int64_t cpus_least = 0;     ///< and could do with
  std::set<Place> waiting;         ///< never empty
  double key = 0;                  ///< of its first job, where the order is static (order.h)
  mutable std::size_t number = 0;  ///< among those of its size

  const Place& first() const { return *waiting.begin(); }
};

/// Groups as a static order has them: best first.
struct BetterKey {
  bool operator()(const Group* a, const Group* b) const {
    return std::tuple(-a->key, a->first()) < std::tuple(-b->key, b->first());
  }
};

struct RunningJob {
  JobId job;
  Ask ask;
  Instant submitted;
  std::vector<Share> shares;
  int ranks = 0;
  Instant started_at;
  Instant expected_end;
  Instant
      limit_end;  ///< when it is stopped at the latest, where expected_end was a guess; {0}: none
  bool is_stopping = false;  ///< has been asked to: its place will be free soon
  Instant asked_at;          ///< when
};

/// When a running job's place is expected to be free, as of now: one that has outlived all that was
/// expected of it may end at any moment.
Instant end_of(const RunningJob& job, Instant now);

/// What an owner's jobs wait for and use at present, for fair share: whole numbers, so that the
/// order of adding does not matter.
struct Presence {
  std::int64_t waiting = 0;  ///< jobs
  std::int64_t cpus = 0;     ///< held by its running jobs
  std::int64_t gpus = 0;
  std::int64_t cpu_ms = 0;  ///< each held core x when its job was started
  std::int64_t gpu_ms = 0;
  bool operator==(const Presence&) const = default;
  void operator+=(const Presence& o) {
    waiting += o.waiting;
    cpus += o.cpus;
    gpus += o.gpus;
    cpu_ms += o.cpu_ms;
    gpu_ms += o.gpu_ms;
  }

  double cpu_s(Instant now) const { return static_cast<double>(cpus * now.ms - cpu_ms) / 1000; }
  double gpu_s(Instant now) const { return static_cast<double>(gpus * now.ms - gpu_ms) / 1000; }
};

/// A user, account, QOS or partition, or a user within one: what it may hold, and holds.
struct Entity {
  std::string name;  ///< "user ada", for people
  Limits limits;
  int running = 0;
  std::int64_t cpus = 0;
  std::int64_t gpus = 0;
};

struct ViewNode {
  std::string name;
  NodeResources resources;
  bool is_usable = true;  ///< up and not drained
  Room room;              ///< as it is now
  Instant ends_at;        ///< when its allocation at a site ends; {0}: it stays
};

/// What the policy looks at: who waits, who runs, what is free. A compact projection of State,
/// changed step by step; the simulator makes one without a State.
///
/// Law      a View changed step by step equals one built at once (same_as): nothing in a plan
///          depends on the order in which things were put in.
/// Cost     to add, start or end a job: logarithmic. Memory of a waiting job: one set node.
/// Threads  one.
class View {
 public:
  /// site: what limits apply, and who is in which partition. Must outlive the View.
  View(const Site& site, Order order);
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  /// All nodes, sorted by name. Forgets all jobs.
  void set_nodes(std::vector<ViewNode> nodes);
  /// A node that is there already: its resources are the same, only whether it may be used changes.
  void set_usable(int node, bool is_usable);
  void set_end(int node, Instant ends_at);
  int node_of(const std::string& name) const;  ///< -1: not there

  int shape(const Shape& shape);
  int owner(const Owner& owner);

  void wait(const Place& place, const Ask& ask);
  void start(RunningJob job);
  /// Takes a waiting or running job out; no harm if it is neither.
  void remove(JobId job);
  /// What a waiting job asks for; null: it does not wait.
  const Ask* waiting(JobId job) const;

  std::span<const ViewNode> nodes() const { return nodes_; }
  std::vector<Room> rooms() const;
  /// Does any of them end?
  bool has_ends() const { return ends_ > 0; }
  std::int64_t cpus_total() const { return cpus_total_; }
  /// Free cores of nodes that may be used.
  std::int64_t cpus_free() const { return cpus_free_; }
  const Shape& shape_of(const Ask& ask) const {
    return shapes_[static_cast<std::size_t>(ask.shape)].shape;
  }
  const Owner& owner_of(const Ask& ask) const {
    return owners_[static_cast<std::size_t>(ask.owner)].owner;
  }
  std::int64_t cpus_least(const Ask& ask) const {
    return shapes_[static_cast<std::size_t>(ask.shape)].cpus_least;
  }
  /// Cores that it asks for (an elastic job may get others).
  std::int64_t cpus_of(const Ask& ask) const {
    return shapes_[static_cast<std::size_t>(ask.shape)].cpus;
  }
  /// What any node must have free for it.
  const Need& need_of(const Ask& ask) const {
    return shapes_[static_cast<std::size_t>(ask.shape)].need;
  }
  /// Usable nodes that the shape may run on, ascending.
  std::span<const int> allowed(const Ask& ask) const;

  const std::map<Ask, Group>& groups() const { return groups_; }
  /// Groups by the fewest cores they could do with.
  const std::map<std::int64_t, std::vector<const Group*>>& by_size() const { return by_size_; }
  /// Groups in the order of View's making, if that is a static one; else empty.
  const std::set<const Group*, BetterKey>& ranked() const { return ranked_; }
  Order order() const { return order_; }
  const std::map<JobId, RunningJob>& running() const { return running_; }
  /// Running jobs by when they are expected to end.
  const std::map<std::pair<Instant, JobId>, const RunningJob*>& by_end() const { return by_end_; }
  std::size_t waiting_count() const { return waiting_.size(); }

  std::span<const int> entities_of(const Ask& ask) const {
    return owners_[static_cast<std::size_t>(ask.owner)].entities;
  }
  bool is_partition_up(const Ask& ask) const {
    return owners_[static_cast<std::size_t>(ask.owner)].is_partition_up;
  }
  int owners() const { return static_cast<int>(owners_.size()); }
  const Owner& owner_numbered(int owner) const {
    return owners_[static_cast<std::size_t>(owner)].owner;
  }
  const Presence& presence(int owner) const {
    return owners_[static_cast<std::size_t>(owner)].presence;
  }
  const Entity& entity(int entity) const { return entities_[static_cast<std::size_t>(entity)]; }
  int running_of_array(JobId array) const;
  const Site& site() const { return *site_; }

  /// Do both stand for the same? Numbers of shapes and owners may differ.
  bool same_as(const View& other) const;

 private:
  struct OwnerEntry {
    Owner owner;
    std::vector<int> entities;
    bool is_partition_up = true;
    Presence presence;
  };
  struct ShapeEntry {
    Shape shape;
    std::int64_t cpus = 0;
    std::int64_t cpus_least = 0;
    Need need;
    int where = 0;
  };
  /// Labels and partition: many shapes have them in common.
  using Where = std::pair<std::map<std::string, std::string>, std::string>;
  struct WhereEntry {
    Where where;
    std::vector<int> nodes;  ///< usable ones
    bool is_known = false;   ///< nodes is up to date
  };
  using ShapeKey = std::tuple<int, int, int, int, int, int, std::int64_t, Backend, Oversubscribe,
                              bool, std::map<std::string, std::string>, std::string>;

  static ShapeKey key_of(const Shape& shape);
  int where_of(const Shape& shape);
  std::vector<bool> in_partition(const std::string& partition) const;
  int entity_of(const std::string& name, const Limits& limits);
  void hold(const RunningJob& job, int sign);
  void list(Group& group);
  void unlist(const Group& group);

  const Site* site_;
  Order order_;
  std::vector<ViewNode> nodes_;
  std::int64_t cpus_total_ = 0;
  std::int64_t cpus_free_ = 0;
  int ends_ = 0;  ///< nodes that end

  mutable std::vector<WhereEntry> wheres_;  // mutable: which nodes these are is found late
  std::map<Where, int> where_numbers_;
  std::vector<ShapeEntry> shapes_;
  std::map<ShapeKey, int> shape_numbers_;
  std::vector<OwnerEntry> owners_;
  std::map<Owner, int> owner_numbers_;
  std::vector<Entity> entities_;
  std::map<std::string, int> entity_numbers_;

  struct Waiting {
    Instant submitted;
    std::map<Ask, Group>::iterator group;
  };
  std::map<Ask, Group> groups_;
  std::map<std::int64_t, std::vector<const Group*>> by_size_;
  std::set<const Group*, BetterKey> ranked_;
  std::map<JobId, Waiting> waiting_;
  std::map<JobId, RunningJob> running_;
  std::map<std::pair<Instant, JobId>, const RunningJob*> by_end_;
  std::map<JobId, int> running_of_array_;
};

}  // namespace sovren::policy
