// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/order_book.h"

#include <utility>

namespace sovren::engine {
namespace {

// What the verdict on an attempt is made of: recorded only together, when it is over.
bool is_of_end(const AttemptNews& news) {
  if (const auto* report = std::get_if<RankReport>(&news.what))
    return std::holds_alternative<ReportFinished>(*report) ||
           std::holds_alternative<ReportFailed>(*report);
  return std::holds_alternative<AttemptExited>(news.what);
}

}  // namespace

Result<std::int64_t> OrderBook::greet(const AgentHello& hello) {
  if (retired_.contains(hello.instance))
    return fail({.code = Code::fenced,
                 .what = "another agent has taken node " + hello.node + " over",
                 .hint = "end this one: all that it runs has been given to others"});
  Desk& desk = desks_[hello.node];
  if (desk.instance != hello.instance) {
    if (!desk.instance.empty()) retired_.insert(desk.instance);
    forget(hello.node);
    desks_[hello.node] = {
        .instance = hello.instance, .told = hello.acknowledged, .durable = hello.acknowledged};
  }
  const Desk& greeted = desks_[hello.node];
  return greeted.last_order - static_cast<std::int64_t>(greeted.orders.size());
}

Result<void> OrderBook::check(const std::string& node, const std::string& instance) const {
  if (retired_.contains(instance))
    return fail({.code = Code::fenced, .what = "another agent has taken node " + node + " over"});
  const auto desk = desks_.find(node);
  if (desk == desks_.end() || desk->second.instance != instance)
    return fail({.code = Code::not_found,
                 .what = "the agent of node " + node + " has not said hello to this scheduler",
                 .hint = "say hello"});
  return {};
}

void OrderBook::forget(const std::string& node) {
  const auto found = desks_.find(node);
  if (found == desks_.end()) return;
  Desk desk = std::move(found->second);
  desks_.erase(found);
  desk.orders.clear();
  if (desk.waiter) answer(desk);
}

Result<std::uint64_t> OrderBook::wait(const std::string& node, const std::string& instance,
                                      std::int64_t after, Answer answer_with) {
  SOVREN_DO(check(node, instance));
  Desk& desk = desks_.at(node);
  while (!desk.orders.empty() && desk.orders.front().number <= after) desk.orders.pop_front();
  if (desk.waiter) std::exchange(desk.waiter, std::nullopt)->answer({});
  desk.waiter = Waiter{++last_waiter_, std::move(answer_with)};
  return last_waiter_;
}

void OrderBook::stop_waiting(std::uint64_t waiter) {
  for (auto& [node, desk] : desks_)
    if (desk.waiter && desk.waiter->id == waiter) return answer(desk);
}

void OrderBook::answer(Desk& desk) {
  const Waiter waiter = *std::exchange(desk.waiter, std::nullopt);
  waiter.answer({desk.orders.begin(), desk.orders.end()});
}

void OrderBook::flush() {
  for (auto& [node, desk] : desks_)
    if (desk.waiter && !desk.orders.empty()) answer(desk);
}

void OrderBook::stop_all_waiting() {
  for (auto& [node, desk] : desks_)
    if (desk.waiter) answer(desk);
}

Result<void> OrderBook::tell(const std::string& node, NewsPost post) {
  SOVREN_DO(check(node, post.instance));
  Desk& desk = desks_.at(node);
  if (!post.news.empty() && post.news.front().number > desk.told + 1)
    return fail({.code = Code::data_invalid,
                 .what = "news " + std::to_string(post.news.front().number) + " of node " + node +
                         " follow " + std::to_string(desk.told) + ": some are missing",
                 .hint = "say hello, then tell all that is not acknowledged"});
  for (NumberedNews& each : post.news) {
    if (each.number <= desk.told) continue;
    desk.told = each.number;
    if (is_of_end(each.news)) desk.ends[each.number] = {each.news.job, each.news.attempt};
    each.news.node = node;
    inbox_.push_back(std::move(each.news));
  }
  return {};
}

void OrderBook::note_durable(const std::function<bool(JobId, int)>& is_running) {
  for (auto& [node, desk] : desks_) {
    desk.durable = desk.told;
    std::erase_if(desk.ends, [&](const auto& end) {
      return !is_running(end.second.first, end.second.second);
    });
  }
}

std::int64_t OrderBook::acknowledged(const std::string& node) const {
  const auto desk = desks_.find(node);
  if (desk == desks_.end()) return 0;
  const auto& ends = desk->second.ends;
  return ends.empty() ? desk->second.durable
                      : std::min(desk->second.durable, ends.begin()->first - 1);
}

void OrderBook::order(const std::string& node, OrderBody what) {
  const auto found = desks_.find(node);
  if (found == desks_.end()) return;
  found->second.orders.push_back({++found->second.last_order, std::move(what)});
}

Result<void> OrderBook::start(const AttemptOrder& attempt) {
  order(attempt.node, attempt);
  return {};
}

Result<void> OrderBook::request(JobId job, int attempt, Request request) {
  order(head_of(job), RequestOrder{job, attempt, request});
  return {};
}

Result<void> OrderBook::acknowledge_seal(JobId job, int attempt, std::int64_t step) {
  order(head_of(job), SealOrder{job, attempt, step});
  return {};
}

Result<void> OrderBook::end_on(const std::string& node, JobId job, int attempt) {
  order(node, RequestOrder{job, attempt, Request::kill});
  return {};
}

Result<void> OrderBook::assist(const std::string& node, const AssistOrder& assist) {
  order(node, assist);
  return {};
}

Result<void> OrderBook::tell_head(const std::string& head, const AssistEndedOrder& ended) {
  order(head, ended);
  return {};
}

std::vector<AttemptNews> OrderBook::poll(double) {
  return std::exchange(inbox_, {});
}

}  // namespace sovren::engine
