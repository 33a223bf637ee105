// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "workers/agent/agent.h"
#include "workers/agent/scheduler_link.h"

namespace sovren::workers {

struct WorkerConfig {
  std::string node;
  std::string version;
  NodeResources resources;  ///< that it announces
  std::unique_ptr<Transport> for_orders;
  std::unique_ptr<Transport> for_news;
  std::function<void(const std::string&)> say;  ///< a line for the log; from any thread
  int stop_fd = -1;                             ///< readable when stops() has something; -1: none
  std::function<int()> stops;  ///< how often a stop was asked for since the last call
  double drain_s_max = 60;     ///< for attempts to seal and end, after the first stop
  double farewell_s_max = 5;   ///< for the last news to be acknowledged
};

/// The agent of a node as a program: obeys the scheduler's orders until it is told to stop.
///
/// Stop     The first seals and ends the attempts, tells all there is to tell, and says good-bye:
///          their jobs go on elsewhere. The second kills them.
/// Errors   of run(): fenced: another agent has taken the node over, and all attempts here were
///          killed; refused: the scheduler does not want this one.
/// Threads  run() on the thread that made the agent.
class Worker {
 public:
  Worker(Agent& agent, WorkerConfig config);
  Result<void> run();

 private:
  void obey(const Order& order);
  void start(const AttemptOrder& order);
  void pass_on(const RequestOrder& order);
  void assist(const AssistOrder& order);
  void take_stops();
  Result<void> end_all(const Error& why);
  bool is_done();

  Agent& agent_;
  WorkerConfig config_;
  std::unique_ptr<SchedulerLink> link_;
  int stops_ = 0;
  double stopped_at_s_ = 0;  ///< on the steady clock, the first of them
  double ended_at_s_ = 0;    ///< when the last attempt was gone after it
};

/// A name for this process that no other will bear.
std::string new_instance();

}  // namespace sovren::workers
