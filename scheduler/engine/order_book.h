// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/port/launcher.h"
#include "core/port/orders.h"

namespace sovren::engine {

/// The launcher of a daemon: what each node's agent is to do, until it has taken it, and what the
/// agents tell, until it is durable.
///
/// Model    An agent greets, takes orders by number and tells news by number. Orders to a node
/// whose
///          agent has not greeted are dropped: the engine derives them anew from its state when it
///          does. A greeting of another instance retires the one before for good.
/// Errors   not_found: this agent has not greeted (or its node was given up since): say hello.
///          fenced: another agent has taken the node over. data_invalid: news are missing.
/// Threads  one, the engine's.
class OrderBook final : public Launcher {
 public:
  using Answer = std::function<void(std::vector<Order>)>;

  /// Of a running attempt; set by whoever has the state.
  std::function<std::string(JobId)> head_of;

  /// The number that the agent's orders go on from.
  Result<std::int64_t> greet(const AgentHello& hello);
  Result<void> check(const std::string& node, const std::string& instance) const;
  /// Its agent is not believed any more until it greets.
  void forget(const std::string& node);

  /// Hands over the orders after `after`, all before which the agent has: at the next flush() if
  /// there are any, else when there are some. A second call of a node ends the first with none.
  Result<std::uint64_t> wait(const std::string& node, const std::string& instance,
                             std::int64_t after, Answer answer);
  /// Ends that wait with what there is; no harm if it is over.
  void stop_waiting(std::uint64_t waiter);
  /// Answers those who wait and for whom there is something.
  void flush();
  void stop_all_waiting();

  /// News that were told before are dropped.
  Result<void> tell(const std::string& node, NewsPost post);
  /// All that was polled is durable, but for ends of attempts that are not over yet.
  void note_durable(const std::function<bool(JobId, int)>& is_running);
  /// News of the node up to this number are durable.
  std::int64_t acknowledged(const std::string& node) const;

  Result<void> start(const AttemptOrder& order) override;
  Result<void> request(JobId job, int attempt, Request request) override;
  Result<void> acknowledge_seal(JobId job, int attempt, std::int64_t step) override;
  Result<void> end_on(const std::string& node, JobId job, int attempt) override;
  Result<void> assist(const std::string& node, const AssistOrder& order) override;
  Result<void> tell_head(const std::string& head, const AssistEndedOrder& order) override;
  /// Never waits: news come by tell().
  std::vector<AttemptNews> poll(double timeout_s) override;

 private:
  struct Waiter {
    std::uint64_t id = 0;
    Answer answer;
  };
  /// One agent's.
  struct Desk {
    std::string instance;
    std::deque<Order> orders;     ///< not known to have been taken
    std::int64_t last_order = 0;  ///< number of the newest
    std::optional<Waiter> waiter;
    std::int64_t told = 0;     ///< newest news
    std::int64_t durable = 0;  ///< newest that is, with all before it but the ends
    std::map<std::int64_t, std::pair<JobId, int>> ends;  ///< by number: not durable yet
  };

  void order(const std::string& node, OrderBody what);
  static void answer(Desk& desk);

  std::map<std::string, Desk> desks_;
  std::set<std::string> retired_;  ///< instances
  std::vector<AttemptNews> inbox_;
  std::uint64_t last_waiter_ = 0;
};

}  // namespace sovren::engine
