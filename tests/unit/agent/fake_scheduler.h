// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/port/orders.h"
#include "core/port/transport.h"
#include "core/text/order_json.h"

namespace sovren::workers {

/// The agents' routes of a scheduler, in this process: what it is asked is seen, what it answers
/// is told by the test.
class FakeScheduler {
 public:
  // What the test does.
  void order(OrderBody what) {
    const std::lock_guard lock(mutex_);
    orders_.push_back({++last_order_, std::move(what)});
    changed_.notify_all();
  }
  void go_away() { change(&FakeScheduler::is_away_, true); }
  void come_back() { change(&FakeScheduler::is_away_, false); }
  /// As one that has lost all that is not in the log: it asks for a hello, and numbers anew.
  void restart() {
    const std::lock_guard lock(mutex_);
    is_known_ = false;
    orders_.clear();
    last_order_ = 0;
    changed_.notify_all();
  }
  /// News above this number are not acknowledged.
  void hold_back_after(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    acknowledged_max_ = number;
  }
  void fence() { change(&FakeScheduler::is_fenced_, true); }
  void refuse() { change(&FakeScheduler::is_refusing_, true); }

  // What it saw; waits until it has seen so much, at most 20 s.
  std::vector<AgentHello> hellos(std::size_t count) { return wait_for(hellos_, count); }
  std::vector<NumberedNews> news(std::size_t count) { return wait_for(news_, count); }
  bool has_left() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return has_left_; });
  }

  std::unique_ptr<Transport> transport();

 private:
  static constexpr std::chrono::seconds patience{20};

  void change(bool FakeScheduler::*flag, bool value) {
    const std::lock_guard lock(mutex_);
    this->*flag = value;
    changed_.notify_all();
  }
  template <class T>
  std::vector<T> wait_for(const std::vector<T>& seen, std::size_t count) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return seen.size() >= count; });
    return seen;
  }

  Result<HttpReply> call(const std::string& method, const std::string& target,
                         const std::string& body) {
    std::unique_lock lock(mutex_);
    if (is_away_) return fail({.code = Code::unreachable, .what = "away"});
    if (is_refusing_) return problem(403, "refused");
    if (is_fenced_) return problem(409, "fenced");
    if (target == "/v1/agents/n1" && method == "POST") return take_hello(body);
    if (!is_known_) return problem(404, "not_found");
    if (target == "/v1/agents/n1/news") return take_news(body);
    if (target.starts_with("/v1/agents/n1/leave?instance=")) {
      has_left_ = true;
      changed_.notify_all();
      return HttpReply{200, "{}"};
    }
    return give_orders(lock, std::stoll(target.substr(target.find("after=") + 6)));
  }

  Result<HttpReply> take_hello(const std::string& body) {
    SOVREN_TRY(hello, text::hello_from_json(body));
    is_known_ = true;
    hellos_.push_back(hello);
    changed_.notify_all();
    return HttpReply{200, text::hello_reply_to_json({.node_timeout_s = 3, .orders_after = 0})};
  }
  Result<HttpReply> take_news(const std::string& body) {
    SOVREN_TRY(post, text::news_from_json(body));
    std::int64_t newest = 0;
    for (NumberedNews& each : post.news) {
      newest = std::max(newest, each.number);
      news_.push_back(std::move(each));
    }
    changed_.notify_all();
    return HttpReply{200, text::acknowledgement_to_json(std::min(newest, acknowledged_max_))};
  }
  Result<HttpReply> give_orders(std::unique_lock<std::mutex>& lock, std::int64_t after) {
    const auto is_there = [&] {
      return last_order_ > after || has_left_ || is_away_ || is_fenced_ || !is_known_;
    };
    changed_.wait_for(lock, std::chrono::seconds(1), is_there);
    if (is_away_) return fail({.code = Code::unreachable, .what = "away"});
    if (is_fenced_) return problem(409, "fenced");
    if (!is_known_) return problem(404, "not_found");
    std::vector<Order> wanted;
    for (const Order& order : orders_)
      if (order.number > after) wanted.push_back(order);
    return HttpReply{200, text::orders_to_json(wanted)};
  }
  static HttpReply problem(int status, const std::string& code) {
    return {status, R"({"detail":"told by the test","code":")" + code + "\"}"};
  }

  class Line;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_away_ = false, is_known_ = false, is_fenced_ = false, is_refusing_ = false;
  bool has_left_ = false;
  std::int64_t acknowledged_max_ = std::int64_t{1} << 40;
  std::int64_t last_order_ = 0;
  std::vector<Order> orders_;
  std::vector<AgentHello> hellos_;
  std::vector<NumberedNews> news_;
};

class FakeScheduler::Line final : public Transport {
 public:
  explicit Line(FakeScheduler& scheduler) : scheduler_(scheduler) {}
  Result<HttpReply> call(const std::string& method, const std::string& target,
                         const std::string& body, double, const HttpHeaders&) override {
    return scheduler_.call(method, target, body);
  }

 private:
  FakeScheduler& scheduler_;
};

inline std::unique_ptr<Transport> FakeScheduler::transport() {
  return std::make_unique<Line>(*this);
}

}  // namespace sovren::workers
