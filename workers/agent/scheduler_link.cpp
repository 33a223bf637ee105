// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/scheduler_link.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>

#include "core/text/json.h"
#include "core/text/order_json.h"

namespace sovren::workers {
namespace {

constexpr double answer_s = 10;    // for an answer that need not wait for anything
constexpr double wait_s_max = 10;  // of a long poll
constexpr double retry_s_first = 0.05;
constexpr std::size_t news_max = 1000;  // in one request

/// What the scheduler says is wrong: a problem document (RFC 9457) with our code.
Error error_of(const HttpReply& reply) {
  Error error{.code = reply.status == 404 ? Code::not_found : Code::unreachable,
              .what = "the scheduler answered with status " + std::to_string(reply.status)};
  if (reply.status >= 400 && reply.status < 500 && reply.status != 404 && reply.status != 429)
    error.code = Code::refused;
  const auto json = text::parse_json(reply.body, "answer");
  if (!json || !json->is_object()) return error;
  if (const auto detail = text::get_string(*json, "detail")) error.what = *detail;
  if (const auto hint = text::get_string(*json, "hint")) error.hint = *hint;
  if (const auto code = text::get_string(*json, "code"); code && *code == name(Code::fenced))
    error.code = Code::fenced;
  return error;
}

/// Characters that stand for themselves in a path (RFC 3986, unreserved); the rest as %XX.
std::string percent_encoded(const std::string& text) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (plain.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return encoded;
}

/// Signals are for the agent's thread.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
}

}  // namespace

Result<std::unique_ptr<SchedulerLink>> SchedulerLink::start(LinkConfig config) {
  Handle wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake.is_open())
    return fail({.code = Code::refused,
                 .what = std::string("cannot make an event descriptor: ") + std::strerror(errno)});
  return std::unique_ptr<SchedulerLink>(new SchedulerLink(std::move(config), std::move(wake)));
}

SchedulerLink::SchedulerLink(LinkConfig config, Handle wake)
    : config_(std::move(config)),
      wake_(std::move(wake)),
      orders_thread_([this] { run_orders(); }),
      news_thread_([this] { run_news(); }) {}

SchedulerLink::~SchedulerLink() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  orders_thread_.join();
  if (news_thread_.joinable()) news_thread_.join();
}

SchedulerLink::Received SchedulerLink::take() {
  std::uint64_t count = 0;
  (void)!::read(wake_.get(), &count, sizeof(count));
  const std::lock_guard lock(mutex_);
  return {.orders = std::exchange(orders_, {}), .over = over_};
}

void SchedulerLink::note_running(JobId job, int attempt) {
  const std::lock_guard lock(mutex_);
  running_.insert({job, attempt});
}

void SchedulerLink::tell(AttemptNews news) {
  {
    const std::lock_guard lock(mutex_);
    if (std::holds_alternative<AttemptExited>(news.what) ||
        std::holds_alternative<AttemptGone>(news.what))
      running_.erase({news.job, news.attempt});
    outbox_.add(std::move(news));
  }
  changed_.notify_all();
}

bool SchedulerLink::has_told_all() const {
  const std::lock_guard lock(mutex_);
  return outbox_.is_empty();
}

Result<void> SchedulerLink::leave(double timeout_s) {
  {
    const std::lock_guard lock(mutex_);  // the news' transport is ours from here on
    is_stopping_ = true;
  }
  changed_.notify_all();
  news_thread_.join();
  const auto reply =
      call(*config_.for_news, "POST", "/leave?instance=" + config_.instance, "", timeout_s);
  if (!reply) return fail(reply.error());
  return {};
}

Result<HttpReply> SchedulerLink::call(Transport& transport, const std::string& method,
                                      const std::string& path, const std::string& body,
                                      double timeout_s) {
  SOVREN_TRY(reply, transport.call(method, "/v1/agents/" + percent_encoded(config_.node) + path,
                                   body, timeout_s));
  if (reply.status >= 200 && reply.status < 300) return reply;
  return fail(error_of(reply));
}

void SchedulerLink::run_orders() {
  block_signals();
  for (int failures = 0;;) {
    bool is_joined = false;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_ || over_) return;
      is_joined = is_joined_;
    }
    const auto done = is_joined ? take_orders() : say_hello();
    if (done) {
      failures = 0;
      continue;
    }
    const Error& error = done.error();
    if (error.code == Code::fenced ||
        (error.code != Code::unreachable && !was_joined_ && error.code != Code::not_found))
      return end(error);
    bool was_here = false;
    {
      const std::lock_guard lock(mutex_);
      was_here = std::exchange(is_joined_, false);
      if (is_stopping_) return;
    }
    if (failures == 0)
      config_.say((was_here ? "the scheduler is away: " : "no scheduler yet: ") + error.what);
    back_off(failures);
  }
}

Result<void> SchedulerLink::say_hello() {
  AgentHello hello{.node = config_.node,
                   .instance = config_.instance,
                   .version = config_.version,
                   .resources = config_.resources};
  {
    const std::lock_guard lock(mutex_);
    hello.acknowledged = outbox_.acknowledged();
    hello.attempts = outbox_.ended();
    for (const auto& [job, attempt] : running_) hello.attempts.push_back({job, attempt, true});
  }
  SOVREN_TRY(answer, call(*config_.for_orders, "POST", "", text::hello_to_json(hello), answer_s));
  SOVREN_TRY(reply, text::hello_reply_from_json(answer.body));
  node_timeout_s_ = reply.node_timeout_s;
  orders_after_ = reply.orders_after;
  was_joined_ = true;
  {
    const std::lock_guard lock(mutex_);
    is_joined_ = true;
    outbox_.rewind();
  }
  changed_.notify_all();
  config_.say("joined the scheduler as node " + config_.node);
  return {};
}

Result<void> SchedulerLink::take_orders() {
  // Heard three times within the time after which the node counts as down.
  const double wait_s = std::clamp(node_timeout_s_ / 3, 0.1, wait_s_max);
  char wait[32];
  std::snprintf(wait, sizeof wait, "%.3f", wait_s);
  SOVREN_TRY(answer, call(*config_.for_orders, "GET",
                          "/orders?instance=" + config_.instance +
                              "&after=" + std::to_string(orders_after_) + "&wait=" + wait,
                          "", wait_s + std::min(5.0, node_timeout_s_ / 3)));
  SOVREN_TRY(orders, text::orders_from_json(answer.body));
  if (orders.empty()) return {};
  if (orders.back().number <= orders_after_) return {};
  {
    const std::lock_guard lock(mutex_);
    for (Order& order : orders) {
      if (order.number <= orders_after_) continue;
      // From here on it is ours: a hello that comes before it is obeyed has to name it.
      if (const auto* start = std::get_if<AttemptOrder>(&order.what))
        running_.insert({start->job, start->attempt});
      orders_.push_back(std::move(order));
    }
  }
  orders_after_ = orders.back().number;
  wake();
  return {};
}

void SchedulerLink::run_news() {
  block_signals();
  for (int failures = 0;;) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock,
                    [&] { return is_stopping_ || over_ || (is_joined_ && outbox_.has_unsent()); });
      if (is_stopping_ || over_) return;
    }
    const auto posted = post_news();
    if (posted) {
      failures = 0;
      continue;
    }
    if (posted.error().code == Code::fenced) return end(posted.error());
    {
      const std::lock_guard lock(mutex_);
      outbox_.rewind();
      // It does not know us, or what it knows of our news does not fit: the other thread says
      // hello.
      if (posted.error().code != Code::unreachable) is_joined_ = false;
    }
    back_off(failures);
  }
}

Result<void> SchedulerLink::post_news() {
  NewsPost post{.instance = config_.instance, .news = {}};
  {
    const std::lock_guard lock(mutex_);
    post.news = outbox_.take_unsent(news_max);
  }
  SOVREN_TRY(answer, call(*config_.for_news, "POST", "/news", text::news_to_json(post), answer_s));
  SOVREN_TRY(acknowledged, text::acknowledgement_from_json(answer.body));
  const std::lock_guard lock(mutex_);
  outbox_.acknowledge(acknowledged);
  return {};
}

void SchedulerLink::back_off(int& failures) {
  const double wait_s =
      std::min(std::ldexp(retry_s_first, std::min(failures, 20)), config_.retry_s_max);
  ++failures;
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::duration<double>(wait_s),
                    [&] { return is_stopping_ || over_.has_value(); });
}

void SchedulerLink::end(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!over_) over_ = std::move(error);
  }
  changed_.notify_all();
  wake();
}

void SchedulerLink::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_.get(), &one, sizeof(one));
}

}  // namespace sovren::workers
