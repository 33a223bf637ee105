// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/port/orders.h"
#include "core/port/transport.h"
#include "workers/agent/outbox.h"
#include "workers/launch/process.h"

namespace sovren::workers {

struct LinkConfig {
  std::string node;
  std::string instance;  ///< of this agent process
  std::string version;
  NodeResources resources;
  std::unique_ptr<Transport> for_orders;
  std::unique_ptr<Transport> for_news;
  std::function<void(const std::string&)> say;  ///< a line for the log; from any thread
  double retry_s_max = 5;                       ///< between tries to reach the scheduler
};

/// An agent's side of the talk with the scheduler (core/port/orders.h): says hello, takes orders by
/// long poll, tells news until they are acknowledged.
///
/// Model    away -> joined -> away ... -> over. A scheduler that does not answer is tried for ever;
///          when one answers again, hello says what runs here. Over: another agent has taken the
///          node (fenced), or the scheduler refuses this one at its first hello.
/// Threads  two of its own, each with its transport; the calls below are for one other.
class SchedulerLink {
 public:
  /// Errors: refused: no event descriptor.
  static Result<std::unique_ptr<SchedulerLink>> start(LinkConfig config);
  ~SchedulerLink();

  /// Readable when take() has something.
  int wake_fd() const { return wake_.get(); }
  /// Orders in their order, each once per scheduler process; or why it is over.
  struct Received {
    std::vector<Order> orders;
    std::optional<Error> over;
  };
  Received take();

  /// This attempt runs here now. It does until tell() brings its AttemptExited or AttemptGone.
  void note_running(JobId job, int attempt);
  void tell(AttemptNews news);
  bool has_told_all() const;

  /// Says that the agent ends. Waits for the answer, at most timeout_s.
  Result<void> leave(double timeout_s);

 private:
  SchedulerLink(LinkConfig config, Handle wake);
  void run_orders();
  void run_news();
  Result<HttpReply> call(Transport& transport, const std::string& method, const std::string& path,
                         const std::string& body, double timeout_s);
  Result<void> say_hello();
  Result<void> take_orders();
  Result<void> post_news();
  void back_off(int& failures);
  void end(Error error);
  void wake();

  LinkConfig config_;
  Handle wake_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Outbox outbox_;
  std::set<std::pair<JobId, int>> running_;
  std::vector<Order> orders_;
  std::optional<Error> over_;
  bool is_joined_ = false;
  bool is_stopping_ = false;

  // of the orders' thread
  double node_timeout_s_ = 30;
  std::int64_t orders_after_ = 0;
  bool was_joined_ = false;  ///< ever

  std::thread orders_thread_;
  std::thread news_thread_;
};

}  // namespace sovren::workers
