// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/worker.h"

#include <sys/random.h>

#include <array>
#include <chrono>
#include <cstdio>

namespace sovren::workers {
namespace {

constexpr double turn_s = 1;

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string new_instance() {
  std::array<unsigned char, 16> bytes{};
  (void)!::getrandom(bytes.data(), bytes.size(), 0);
  std::string text;
  for (const unsigned char byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

Worker::Worker(Agent& agent, WorkerConfig config) : agent_(agent), config_(std::move(config)) {}

Result<void> Worker::run() {
  SOVREN_TRY(link, SchedulerLink::start({.node = config_.node,
                                         .instance = new_instance(),
                                         .version = config_.version,
                                         .resources = config_.resources,
                                         .for_orders = std::move(config_.for_orders),
                                         .for_news = std::move(config_.for_news),
                                         .say = config_.say}));
  link_ = std::move(link);
  agent_.wake_on(link_->wake_fd());
  if (config_.stop_fd >= 0) agent_.wake_on(config_.stop_fd);
  for (;;) {
    for (AttemptNews& news : agent_.poll(turn_s)) link_->tell(std::move(news));
    for (const std::string& line : agent_.take_scrub_log()) config_.say(line);
    auto [orders, over] = link_->take();
    if (over) return end_all(*over);
    for (const Order& order : orders) obey(order);
    take_stops();
    if (stops_ > 0 && is_done()) {
      if (const auto left = link_->leave(config_.farewell_s_max); !left)
        config_.say("the scheduler did not hear the good-bye: " + left.error().what);
      return {};
    }
  }
}

void Worker::obey(const Order& order) {
  std::visit(
      [this](const auto& what) {
        using What = std::decay_t<decltype(what)>;
        if constexpr (std::is_same_v<What, AttemptOrder>)
          start(what);
        else if constexpr (std::is_same_v<What, RequestOrder>)
          pass_on(what);
        else if constexpr (std::is_same_v<What, SealOrder>)
          (void)agent_.acknowledge_seal(what.job, what.attempt, what.step);
        else if constexpr (std::is_same_v<What, AssistOrder>)
          assist(what);
        else
          agent_.assist_ended(what.job, what.attempt, what.ended);
      },
      order.what);
}

void Worker::start(const AttemptOrder& order) {
  // While it drains: the job is requeued when this agent says good-bye.
  if (stops_ > 0) return;
  if (agent_.has_seen(order.job, order.attempt)) {
    if (!agent_.is_running(order.job, order.attempt))
      link_->tell({.job = order.job, .attempt = order.attempt, .what = AttemptGone{}, .node = {}});
    return;
  }
  if (const auto started = agent_.start(order); !started)
    link_->tell({.job = order.job,
                 .attempt = order.attempt,
                 .what = AttemptExited{rank_exit_code(started.error().code), started.error()},
                 .node = {}});
}

void Worker::pass_on(const RequestOrder& order) {
  (void)agent_.request(order.job, order.attempt, order.request);
  if (order.request != Request::kill || agent_.is_running(order.job, order.attempt)) return;
  agent_.forget(order.job, order.attempt);
  link_->tell({.job = order.job, .attempt = order.attempt, .what = AttemptGone{}, .node = {}});
}

void Worker::assist(const AssistOrder& order) {
  if (stops_ > 0) return;
  if (const auto started = agent_.assist(order); started) {
    if (agent_.is_running(order.job, order.attempt)) link_->note_running(order.job, order.attempt);
  } else {
    link_->tell({.job = order.job,
                 .attempt = order.attempt,
                 .what = AssistEnded{order.launch, rank_exit_code(started.error().code),
                                     to_text(started.error())},
                 .node = {}});
  }
}

void Worker::take_stops() {
  if (!config_.stops) return;
  for (int more = config_.stops(); more > 0; --more) {
    ++stops_;
    if (stops_ == 1) {
      stopped_at_s_ = steady_s();
      config_.say("told to stop: the attempts here seal and end; once more kills them");
      agent_.request_all(Request::stop);
    } else {
      agent_.request_all(Request::kill);
    }
  }
}

bool Worker::is_done() {
  const double now_s = steady_s();
  if (!agent_.is_idle()) {
    if (now_s > stopped_at_s_ + config_.drain_s_max) agent_.request_all(Request::kill);
    ended_at_s_ = now_s;
    return false;
  }
  return link_->has_told_all() ||
         now_s > std::max(stopped_at_s_, ended_at_s_) + config_.farewell_s_max;
}

Result<void> Worker::end_all(const Error& why) {
  agent_.request_all(Request::kill);
  while (!agent_.is_idle()) (void)agent_.poll(turn_s);
  return fail(why);
}

}  // namespace sovren::workers
