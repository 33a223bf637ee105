// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/port/clock.h"
#include "core/port/event_log.h"
#include "core/port/orders.h"
#include "scheduler/engine/engine.h"
#include "scheduler/engine/order_book.h"

namespace sovren::engine {

struct HostConfig {
  Config engine;
  std::size_t queue_max = 100'000;  ///< commands that may wait; more are refused
  /// On the engine's thread, for each event once it is durable, and each report of an attempt.
  std::function<void(const Event&)> on_event;
  std::function<void(const AttemptNews&)> on_report;
};

/// The engine of a daemon, on a thread of its own.
///
/// Model    Commands queue up; the thread takes all there are, drafts them, decides, and makes all
///          durable with one append; then their callers are answered, orders go out, and reads look
///          at what is durable. It sleeps until a command comes or something is due.
/// Threads  any may call. All callbacks run on the engine's thread and must not block.
/// Errors   of the calls: unreachable, at once: the queue is full, or the host is stopping; the
///          callback will not be called. Of the callbacks: what the engine says, or storage_*.
class EngineHost {
 public:
  /// Replays the log, then starts the thread. log and clock outlive the host.
  static Result<std::unique_ptr<EngineHost>> start(EventLog& log, Clock& clock, HostConfig config);
  /// Without a thread: the caller's own, whenever it calls pump(). For tests.
  static Result<std::unique_ptr<EngineHost>> open(EventLog& log, Clock& clock, HostConfig config);
  void pump();
  const Engine& engine() const { return *engine_; }

  ~EngineHost();  ///< stop()

  using Done = std::function<void(Result<void>)>;
  /// intake calls the engine's intake methods; it may be called more than once, the last time
  /// counts. done comes once all that it drafted is durable, or with the error.
  Result<void> write(std::function<Result<void>(Engine&)> intake, Done done);
  /// Looks at what is durable.
  Result<void> read(std::function<void(const Engine&)> look);

  // The agents' routes (core/port/orders.h).
  Result<void> hello(AgentHello hello, std::function<void(Result<HelloReply>)> done);
  /// done comes when there are orders after `after`; until then stop_waiting(ticket) ends it with
  /// none. Returns the ticket.
  Result<std::uint64_t> take_orders(std::string node, std::string instance, std::int64_t after,
                                    std::function<void(Result<std::vector<Order>>)> done);
  void stop_waiting(std::uint64_t ticket);
  /// done: the number up to which the node's news are durable.
  Result<void> tell(std::string node, NewsPost post,
                    std::function<void(Result<std::int64_t>)> done);
  /// The agent ends in an orderly way.
  Result<void> leave(std::string node, std::string instance, Done done);

  /// All that has been queued is done, waiters are answered, a snapshot is saved, and the thread
  /// ends.
  void stop();

 private:
  struct Command {
    std::function<Result<void>(Engine&)> intake;  ///< drafts; may be none
    Done done;                                    ///< after the commit; may be none
    std::function<void(const Engine&)> look;      ///< after all that; may be none
  };

  explicit EngineHost(HostConfig config) : config_(std::move(config)) {}
  Result<void> push(Command command);
  void run();
  std::vector<Command> sleep();
  void carry_out(std::vector<Command>& commands);
  void settle();

  HostConfig config_;
  OrderBook book_;
  std::unique_ptr<Engine> engine_;

  std::mutex mutex_;
  std::condition_variable something_;
  std::vector<Command> queue_;
  bool is_stopping_ = false;
  bool is_asleep_ = false;
  std::uint64_t last_ticket_ = 0;
  std::map<std::uint64_t, std::uint64_t> waiters_;  ///< ticket -> the book's; engine's thread
  std::thread thread_;
};

}  // namespace sovren::engine
