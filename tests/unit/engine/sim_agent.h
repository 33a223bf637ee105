// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/rng.h"
#include "core/port/orders.h"

namespace sovren::engine {

using AttemptKey = std::pair<JobId, int>;

/// Random numbers of one seed, one after the other.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return random_.below(next_++, bound); }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  Philox random_;
  std::uint64_t next_ = 0;
};

/// The shared file system: each job's newest sealed step, and the newest attempt that may seal.
struct Disk {
  std::map<JobId, std::int64_t> sealed;
  std::map<JobId, int> fence;
};

/// Processes of one attempt on one node.
struct SimProcess {
  int ranks = 0;
  int cpus = 0;
  bool is_head = false;
  std::vector<std::string> helpers;  ///< of the head: nodes whose help it needs
  std::int64_t step = 0;
  bool is_asked = false;
  int dying_s = 0;          ///< until a kill has done its work; 0: nobody has killed it
  bool has_begun = false;   ///< all helpers were there
  int waited = 0;           ///< seconds, for helpers
  int orphaned = 0;         ///< seconds without a head, of a helper
  bool is_leaking = false;  ///< does not notice that its head is gone
};

/// What agents see of each other's nodes, and what becomes of the numbers that they start.
struct SimNeighbours {
  std::function<bool(const std::string& node, AttemptKey)> is_helped_by;
  std::function<bool(const std::string& node, AttemptKey)> is_headed_by;
  std::function<void(AttemptKey)> on_begin;
};

/// A node and its agent, without a network: obeys orders, makes steps, keeps news.
class SimAgent {
 public:
  static constexpr std::int64_t steps_total = 40;

  SimAgent(std::string name, int cpus, Dice& dice, Disk& disk, SimNeighbours neighbours)
      : name_(std::move(name)),
        cpus_(cpus),
        dice_(dice),
        disk_(disk),
        neighbours_(std::move(neighbours)) {
    begin_anew();
  }

  const std::string& name() const { return name_; }
  int cpus() const { return cpus_; }
  const std::string& instance() const { return instance_; }
  bool is_alive() const { return is_alive_; }

  void die();         ///< and all its processes with it
  void begin_anew();  ///< as another instance
  void step();        ///< a second passes for its processes
  void obey(const Order& order);

  AgentHello hello() const;
  NewsPost news() const { return {.instance = instance_, .news = news_}; }
  void acknowledge(std::int64_t number);

  int cpus_in_use() const;
  const std::map<AttemptKey, SimProcess>& processes() const { return processes_; }

  std::int64_t cursor = 0;  ///< orders up to here have been obeyed

 private:
  void obey(const AttemptOrder& order);
  void obey(const RequestOrder& order);
  void obey(const SealOrder& order);
  void obey(const AssistOrder& order);
  void obey(const AssistEndedOrder&) {}
  void tell(AttemptKey attempt, decltype(AttemptNews::what) what);
  void end(AttemptKey attempt, int exit_code);
  /// False when it has ended of it.
  bool seal(AttemptKey attempt, SimProcess& process);
  void step_dying(AttemptKey attempt, SimProcess& process);
  void step_head(AttemptKey attempt, SimProcess& process);
  void step_helper(AttemptKey attempt, SimProcess& process);

  std::string name_;
  int cpus_;
  Dice& dice_;
  Disk& disk_;
  SimNeighbours neighbours_;

  bool is_alive_ = false;
  int lives_ = 0;
  std::string instance_;
  std::map<AttemptKey, SimProcess> processes_;
  std::map<JobId, int> last_attempt_;
  std::set<AttemptKey> ended_;  ///< told to be gone: never started again
  std::vector<NumberedNews> news_;
  std::int64_t last_news_ = 0;
  std::int64_t acknowledged_ = 0;
};

}  // namespace sovren::engine
