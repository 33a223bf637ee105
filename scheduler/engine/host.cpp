// SPDX-License-Identifier: Apache-2.0
#include "scheduler/engine/host.h"

#include "scheduler/engine/urgency.h"

namespace sovren::engine {
namespace {

constexpr double sleep_max_s = 60;

bool is_of_storage(const Error& error) {
  return error.code == Code::storage_io || error.code == Code::storage_busy;
}

}  // namespace

Result<std::unique_ptr<EngineHost>> EngineHost::start(EventLog& log, Clock& clock,
                                                      HostConfig config) {
  SOVREN_TRY(host, open(log, clock, std::move(config)));
  host->thread_ = std::thread([host = host.get()] { host->run(); });
  return host;
}

Result<std::unique_ptr<EngineHost>> EngineHost::open(EventLog& log, Clock& clock,
                                                     HostConfig config) {
  std::unique_ptr<EngineHost> host(new EngineHost(std::move(config)));
  SOVREN_TRY(engine, Engine::open(log, host->book_, clock, host->config_.engine));
  host->engine_ = std::move(engine);
  host->book_.head_of = [host = host.get()](JobId id) {
    const auto job = host->engine_->state().jobs.find(id);
    return job == host->engine_->state().jobs.end() ? std::string() : job->second.node();
  };
  host->engine_->on_report = host->config_.on_report;
  host->engine_->on_event = [host = host.get()](const Event& event) {
    if (const auto* left = std::get_if<NodeLeft>(&event.body)) {
      const auto node = host->engine_->state().nodes.find(left->node);
      if (node == host->engine_->state().nodes.end() || !node->second.is_up)
        host->book_.forget(left->node);  // else a new agent has taken the old one's place
    }
    if (host->config_.on_event) host->config_.on_event(event);
  };
  return host;
}

void EngineHost::pump() {
  std::unique_lock lock(mutex_);
  std::vector<Command> commands = std::exchange(queue_, {});
  lock.unlock();
  carry_out(commands);
}

EngineHost::~EngineHost() {
  stop();
}

Result<void> EngineHost::push(Command command) {
  const std::lock_guard lock(mutex_);
  if (is_stopping_) return fail({.code = Code::unreachable, .what = "the scheduler is stopping"});
  if (queue_.size() >= config_.queue_max)
    return fail({.code = Code::unreachable,
                 .what = std::to_string(queue_.size()) + " requests wait already",
                 .hint = "try again in a second"});
  queue_.push_back(std::move(command));
  if (is_asleep_) something_.notify_one();
  return {};
}

Result<void> EngineHost::write(std::function<Result<void>(Engine&)> intake, Done done) {
  return push({.intake = std::move(intake), .done = std::move(done), .look = {}});
}

Result<void> EngineHost::read(std::function<void(const Engine&)> look) {
  return push({.intake = {}, .done = {}, .look = std::move(look)});
}

Result<void> EngineHost::hello(AgentHello hello, std::function<void(Result<HelloReply>)> done) {
  auto reply = std::make_shared<HelloReply>();
  return write(
      [this, reply, hello = std::move(hello)](Engine& engine) -> Result<void> {
        SOVREN_TRY(after, book_.greet(hello));
        *reply = {engine.config().node_timeout_s, after};
        return engine.hello(hello);
      },
      [reply, done = std::move(done)](Result<void> result) {
        if (result)
          done(*reply);
        else
          done(fail(std::move(result).error()));
      });
}

Result<std::uint64_t> EngineHost::take_orders(
    std::string node, std::string instance, std::int64_t after,
    std::function<void(Result<std::vector<Order>>)> done) {
  std::uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    ticket = ++last_ticket_;
  }
  auto queued = write(
      [this, node, instance](Engine& engine) -> Result<void> {
        SOVREN_DO(book_.check(node, instance));
        engine.heard(node);
        return {};
      },
      [this, ticket, node, instance, after, done](Result<void>) {
        auto waiter =
            book_.wait(node, instance, after, [this, ticket, done](std::vector<Order> orders) {
              waiters_.erase(ticket);
              done(std::move(orders));
            });
        if (waiter)
          waiters_[ticket] = *waiter;
        else
          done(fail(std::move(waiter).error()));
      });
  if (!queued) return fail(std::move(queued).error());
  return ticket;
}

void EngineHost::stop_waiting(std::uint64_t ticket) {
  // Refused only when the host stops, which ends all waiting.
  (void)read([this, ticket](const Engine&) {
    if (const auto waiter = waiters_.find(ticket); waiter != waiters_.end())
      book_.stop_waiting(waiter->second);
  });
}

Result<void> EngineHost::tell(std::string node, NewsPost post,
                              std::function<void(Result<std::int64_t>)> done) {
  return write(
      [this, node, post = std::move(post)](Engine& engine) -> Result<void> {
        SOVREN_DO(book_.tell(node, post));
        engine.heard(node);
        return {};
      },
      [this, node, done = std::move(done)](Result<void> result) {
        if (result)
          done(book_.acknowledged(node));
        else
          done(fail(std::move(result).error()));
      });
}

Result<void> EngineHost::leave(std::string node, std::string instance, Done done) {
  return write(
      [this, node = std::move(node), instance = std::move(instance)](Engine& engine) {
        return book_.check(node, instance).and_then([&] {
          return engine.lose_node(node, "its agent has ended");
        });
      },
      std::move(done));
}

std::vector<EngineHost::Command> EngineHost::sleep() {
  const double wait_s = engine_->wait_s(sleep_max_s);
  std::unique_lock lock(mutex_);
  if (queue_.empty() && !is_stopping_ && wait_s > 0) {
    is_asleep_ = true;
    something_.wait_for(lock, std::chrono::duration<double>(wait_s),
                        [&] { return !queue_.empty() || is_stopping_; });
    is_asleep_ = false;
  }
  return std::exchange(queue_, {});
}

void EngineHost::run() {
  wake_fast_after_commits();
  for (;;) {
    std::vector<Command> commands = sleep();
    const bool was_empty = commands.empty();
    carry_out(commands);
    const std::lock_guard lock(mutex_);
    if (is_stopping_ && was_empty && queue_.empty()) break;
  }
  book_.stop_all_waiting();
  (void)engine_->save_snapshot();  // without one, the next start only takes longer
}

void EngineHost::settle() {
  book_.note_durable([&](JobId job, int attempt) {
    const auto found = engine_->state().jobs.find(job);
    return found != engine_->state().jobs.end() && found->second.state == JobState::running &&
           found->second.attempts == attempt;
  });
}

// One turn for all of them. Where the log refuses what one of them drafted, each gets a turn alone,
// so that it harms no other.
void EngineHost::carry_out(std::vector<Command>& commands) {
  std::vector<Result<void>> results;
  results.reserve(commands.size());
  for (const Command& command : commands)
    results.push_back(command.intake ? command.intake(*engine_) : Result<void>());
  Result<void> turned = engine_->turn(0);
  if (turned) settle();
  const bool is_one_to_blame = !turned && !is_of_storage(turned.error());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    if (!results[i] || !commands[i].intake) continue;
    if (is_one_to_blame) {
      results[i] = commands[i].intake(*engine_).and_then([&] { return engine_->turn(0); });
      if (results[i]) settle();
    } else {
      results[i] = turned;
    }
  }
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (commands[i].done) commands[i].done(std::move(results[i]));
  for (const Command& command : commands)
    if (command.look) command.look(*engine_);
  book_.flush();
}

void EngineHost::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    something_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace sovren::engine
