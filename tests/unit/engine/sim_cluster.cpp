// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/engine/sim_cluster.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <sstream>

#include "core/text/event_json.h"
#include "core/text/order_json.h"

namespace sovren::engine {
namespace {

constexpr double node_timeout_s = 12;
constexpr std::int64_t poll_ms = 5'000;      ///< how long an agent lets the scheduler keep a call
constexpr std::int64_t patience_ms = 9'000;  ///< then the connection is taken for broken
constexpr std::int64_t mischief_ends_ms = 400'000;
constexpr std::int64_t all_ends_ms = 4'000'000;

HostConfig host_config() {
  HostConfig config;
  config.engine = {.on_restart = OnRestart::readopt,
                   .node_timeout_s = node_timeout_s,
                   .jobs_dir = "/jobs",
                   .ended_jobs_kept = 3,
                   .mark_every_events = 20,
                   .snapshot_every_events = 50};
  config.engine.policy.preemption.quantum_s = 15;
  config.engine.policy.grace_s = 5;
  return config;
}

}  // namespace

SimCluster::SimCluster(std::uint64_t seed) : dice_(seed) {
  constexpr int cpus[nodes_total] = {3, 3, 4};
  links_.resize(nodes_total);
  const SimNeighbours neighbours{
      .is_helped_by =
          [this](const std::string& node, AttemptKey key) {
            for (std::size_t i = 0; i < agents_.size(); ++i)
              if (agents_[i]->name() == node)
                return !links_[i].is_cut && agents_[i]->processes().contains(key);
            return false;
          },
      .is_headed_by =
          [this](const std::string&, AttemptKey key) {
            return std::any_of(agents_.begin(), agents_.end(), [&](const auto& agent) {
              const auto process = agent->processes().find(key);
              return process != agent->processes().end() && process->second.is_head;
            });
          },
      .on_begin =
          [this](AttemptKey key) {
            EXPECT_TRUE(begun_.insert(key).second)
                << "job " << key.first.value << " attempt " << key.second << " begins twice";
          }};
  for (int i = 0; i < nodes_total; ++i)
    agents_.push_back(
        std::make_unique<SimAgent>("n" + std::to_string(i + 1), cpus[i], dice_, disk_, neighbours));
  for (int i = 0; i < jobs_total; ++i) {
    Wish wish{.key = "key-" + std::to_string(i), .spec = {}};
    Resources& r = wish.spec.resources;
    wish.spec.name = "x";
    wish.spec.priority = static_cast<int>(dice_.below(3));
    wish.spec.retry = {.limit = static_cast<int>(dice_.below(5)), .backoff_s = 2};
    r.oversubscribe = Oversubscribe::no;
    r.ranks = 1 + static_cast<int>(dice_.below(3));
    if (dice_.one_in(3)) r.nodes = r.ranks = 2 + static_cast<int>(dice_.below(2));
    if (dice_.one_in(4)) r.time_limit_s = 20 + static_cast<double>(dice_.below(60));
    if (dice_.one_in(4)) wish.spec.array = {{"i", {"1", "2", "3"}}};
    wishes_.push_back(std::move(wish));
  }
}

// What happens in one seed, for people: with SOVREN_SIM_TRACE set.
SimCluster::SimCluster(std::uint64_t seed, FaultyLog::Fault fault, int fault_at)
    : SimCluster(seed) {
  is_scripted_ = true;
  is_calm_ = true;
  log_.fault = fault;
  log_.fault_at = fault_at;
  at(25'000, [this] { kill_agent(1); });
}

void SimCluster::trace(const std::string& text) const {
  std::cout << clock_.since_start.ms << " " << text << "\n";
}

void SimCluster::at(std::int64_t delay_ms, std::function<void()> what) {
  events_.emplace(clock_.since_start.ms + delay_ms, std::move(what));
}

// A message on an agent's connection, one way: late, lost, or there twice. It does not outlive the
// scheduler that it comes from or goes to.
void SimCluster::send(std::size_t from, std::function<void()> what) {
  if (links_[from].is_cut || (!is_calm_ && dice_.one_in(30))) return;
  const auto deliver = [this, from, life = life_, what = std::move(what)] {
    if (life == life_ && host_ && !links_[from].is_cut) what();
  };
  const auto delay = [&] {
    return static_cast<std::int64_t>(1 + dice_.below(is_calm_ ? 20 : 900));
  };
  at(delay(), deliver);
  if (!is_calm_ && dice_.one_in(20)) at(delay(), deliver);
}

void SimCluster::start_scheduler() {
  life_ += 1;
  safely([&] {
    HostConfig config = host_config();
    config.on_event = [this](const Event& event) {
      if (is_traced_) trace(text::event_to_json(event));
    };
    auto opened = EngineHost::open(log_, clock_, config);
    if (!opened) {  // the disk is full
      EXPECT_EQ(opened.error().code, Code::storage_io) << to_text(opened.error());
      return;
    }
    host_ = std::move(*opened);
    check_replay();
  });
}

void SimCluster::crash_scheduler() {
  host_.reset();
  life_ += 1;
}

void SimCluster::safely(const std::function<void()>& what) {
  try {
    what();
  } catch (const Crash&) {
    crash_scheduler();
  }
}

void SimCluster::pump() {
  safely([&] {
    host_->pump();
    check();
  });
}

std::uint64_t SimCluster::begin_call(std::size_t i, Call call) {
  links_[i].waits_since[call] = clock_.since_start.ms;
  return links_[i].calls[call] = ++next_call_;
}

bool SimCluster::is_current(std::size_t i, Call call, std::uint64_t number) const {
  return links_[i].calls[call] == number && agents_[i]->is_alive() && !links_[i].is_frozen;
}

void SimCluster::answered(std::size_t i, Call call, const Error* error) {
  links_[i].waits_since[call] = 0;
  if (error == nullptr) return;
  if (error->code == Code::not_found || error->code == Code::data_invalid)
    links_[i].is_greeted = false;
  if (error->code == Code::fenced) kill_agent(i);
}

// Its connections end with it: what is still on its way to it arrives nowhere.
void SimCluster::kill_agent(std::size_t i) {
  agents_[i]->die();
  links_[i].is_greeted = false;
  for (const Call call : {greeting, taking, telling}) {
    links_[i].calls[call] = ++next_call_;
    links_[i].waits_since[call] = 0;
  }
}

void SimCluster::call_hello(std::size_t i) {
  const auto number = begin_call(i, greeting);
  if (is_traced_) trace(text::hello_to_json(agents_[i]->hello()));
  send(i, [this, i, number, hello = agents_[i]->hello()] {
    (void)host_->hello(hello, [this, i, number](Result<HelloReply> reply) {
      send(i, [this, i, number, reply] {
        if (!is_current(i, greeting, number)) return;
        answered(i, greeting, reply ? nullptr : &reply.error());
        if (!reply) return;
        links_[i].is_greeted = true;
        agents_[i]->cursor = reply->orders_after;
      });
    });
    pump();
  });
}

void SimCluster::call_orders(std::size_t i) {
  const auto number = begin_call(i, taking);
  SimAgent& agent = *agents_[i];
  send(i, [this, i, number, instance = agent.instance(), after = agent.cursor] {
    const auto ticket = host_->take_orders(
        agents_[i]->name(), instance, after, [this, i, number](Result<std::vector<Order>> orders) {
          send(i, [this, i, number, orders] {
            if (!is_current(i, taking, number)) return;
            answered(i, taking, orders ? nullptr : &orders.error());
            if (!orders) return;
            for (const Order& order : *orders) {
              if (order.number <= agents_[i]->cursor) continue;
              agents_[i]->cursor = order.number;
              if (is_traced_)
                trace(agents_[i]->instance() + " obeys " + text::orders_to_json({&order, 1}));
              agents_[i]->obey(order);
            }
          });
        });
    const int life = life_;
    at(poll_ms, [this, life, ticket] {
      if (life != life_ || !host_ || !ticket) return;
      host_->stop_waiting(*ticket);
      pump();
    });
    pump();
  });
}

void SimCluster::call_news(std::size_t i) {
  const auto number = begin_call(i, telling);
  if (is_traced_) trace(agents_[i]->name() + " tells " + text::news_to_json(agents_[i]->news()));
  send(i, [this, i, number, post = agents_[i]->news()] {
    (void)host_->tell(agents_[i]->name(), post, [this, i, number](Result<std::int64_t> reply) {
      send(i, [this, i, number, reply] {
        if (!is_current(i, telling, number)) return;
        answered(i, telling, reply ? nullptr : &reply.error());
        if (reply) agents_[i]->acknowledge(*reply);
      });
    });
    pump();
  });
}

void SimCluster::tick_agent(std::size_t i) {
  SimAgent& agent = *agents_[i];
  Link& link = links_[i];
  agent.step();
  if (!agent.is_alive() || link.is_frozen) return;
  for (const Call call : {greeting, taking, telling}) {
    if (link.waits_since[call] == 0 || clock_.since_start.ms - link.waits_since[call] < patience_ms)
      continue;
    link.waits_since[call] = 0;
    link.is_greeted = false;
  }
  if (!link.is_greeted) {
    if (link.waits_since[greeting] == 0) call_hello(i);
    return;
  }
  if (link.waits_since[taking] == 0) call_orders(i);
  if (link.waits_since[telling] == 0 && !agent.news().news.empty()) call_news(i);
}

void SimCluster::submit(Wish& wish) {
  wish.tried_at = clock_.since_start.ms;
  const auto queued = std::make_shared<Queued>();
  (void)host_->write(
      [&wish, queued](Engine& engine) {
        return engine
            .queue(
                {.user = "ada", .spec = SharedSpec(wish.spec), .key = wish.key, .digest = wish.key})
            .map([&](Queued made) { *queued = made; });
      },
      [this, &wish, queued](Result<void> done) {
        if (!done) {
          EXPECT_TRUE(done.error().code == Code::storage_io ||
                      done.error().code == Code::refused)  // its nodes are not known yet
              << to_text(done.error());
          return;
        }
        const bool is_told_twice = !is_calm_ && dice_.one_in(4);
        wish.is_answered = !is_told_twice;  // else: the answer is lost, and it is asked again
        for (std::int64_t n = 0; n < queued->jobs; ++n)
          acknowledged_.insert(JobId{queued->first.value + n});
      });
  pump();
}

void SimCluster::tick_client() {
  for (Wish& wish : wishes_) {
    if (wish.is_answered || !host_) continue;
    if (!is_calm_ && !dice_.one_in(15)) continue;
    submit(wish);
  }
}

// Users and operators.
void SimCluster::meddle() {
  const auto on_job = [&](auto act) {
    if (state().last_job == 0) return;
    const JobId id{
        1 + static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(state().last_job)))};
    (void)host_->write([=](Engine& engine) { return act(engine, id); }, [](Result<void>) {});
  };
  const std::string node = agents_[dice_.below(agents_.size())]->name();
  switch (dice_.below(9)) {
    case 0:
      on_job([](Engine& e, JobId id) { return e.request(id, Request::cancel, "ada"); });
      break;
    case 1:
      on_job([](Engine& e, JobId id) { return e.request(id, Request::checkpoint, "ada"); });
      break;
    case 2:
      on_job([](Engine& e, JobId id) { return e.request(id, Request::preempt, "ada"); });
      break;
    case 3:
      on_job([](Engine& e, JobId id) { return e.hold(id, "ada"); });
      break;
    case 4:
    case 5:
      on_job([](Engine& e, JobId id) { return e.requeue(id, "ada"); });
      break;
    case 6:
      on_job([](Engine& e, JobId id) { return e.request(id, Request::kill, "ada"); });
      break;
    case 7:
      (void)host_->write([=](Engine& e) { return e.drain(node, "disk", "root"); },
                         [](Result<void>) {});
      break;
    default:
      (void)host_->write([=](Engine& e) { return e.resume(node, "root"); }, [](Result<void>) {});
  }
  pump();
}

// Things break.
void SimCluster::disturb() {
  const std::size_t i = dice_.below(agents_.size());
  const auto later = [&](std::uint64_t most_s) {
    return static_cast<std::int64_t>(1'000 * (1 + dice_.below(most_s)));
  };
  constexpr FaultyLog::Fault faults[] = {FaultyLog::Fault::refuse, FaultyLog::Fault::crash_before,
                                         FaultyLog::Fault::crash_after};
  switch (dice_.below(7)) {
    case 0:
      crash_scheduler();
      break;
    case 1:
      kill_agent(i);
      break;
    case 2:
      links_[i].is_frozen = true;
      at(later(40), [this, i] { links_[i].is_frozen = false; });
      break;
    case 3:
      links_[i].is_cut = true;
      at(later(40), [this, i] { links_[i].is_cut = false; });
      break;
    case 4:
      clock_.wall.ms += static_cast<std::int64_t>(dice_.below(7'200'000)) - 3'600'000;
      break;
    default:
      if (log_.fault_at > 0) break;
      log_.fault = faults[dice_.below(3)];
      log_.fault_at = 1 + static_cast<int>(dice_.below(4));
  }
}

// Every second.
void SimCluster::tick() {
  is_calm_ = is_scripted_ || clock_.since_start.ms > mischief_ends_ms;
  if (is_calm_ && !is_scripted_) log_.fault_at = 0;
  if (!host_ && (is_calm_ || dice_.one_in(4))) start_scheduler();
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    if (!agents_[i]->is_alive() && (is_calm_ || dice_.one_in(10))) agents_[i]->begin_anew();
    tick_agent(i);
  }
  if (host_) tick_client();
  if (host_ && !is_calm_ && dice_.one_in(15)) meddle();
  if (!is_calm_ && dice_.one_in(25)) disturb();
  if (host_ && is_calm_) {
    for (const auto& [id, job] : state().jobs)
      if (job.is_held)
        (void)host_->write([id = id](Engine& e) { return e.release(id, "ada"); },
                           [](Result<void>) {});
    for (const auto& [name, node] : state().nodes)
      if (node.is_drained())
        (void)host_->write([name = name](Engine& e) { return e.resume(name, "root"); },
                           [](Result<void>) {});
  }
  if (host_) pump();
}

bool SimCluster::is_over() const {
  if (!host_ || !is_calm_) return false;
  return std::all_of(wishes_.begin(), wishes_.end(),
                     [](const Wish& wish) { return wish.is_answered; }) &&
         std::all_of(state().jobs.begin(), state().jobs.end(),
                     [](const auto& entry) { return is_final(entry.second.state); });
}

std::string SimCluster::agents_text() const {
  std::ostringstream out;
  for (std::size_t i = 0; i < agents_.size(); ++i) {
    const Link& link = links_[i];
    out << "agent " << agents_[i]->instance() << (agents_[i]->is_alive() ? "" : " dead")
        << (link.is_greeted ? " greeted" : "") << (link.is_cut ? " cut" : "")
        << (link.is_frozen ? " frozen" : "") << " orders up to " << agents_[i]->cursor << " news "
        << agents_[i]->news().news.size();
    for (const auto& [key, process] : agents_[i]->processes())
      out << " runs " << key.first.value << "." << key.second << (process.is_head ? "" : " helps");
    out << "\n";
  }
  return out.str();
}

std::map<JobState, int> SimCluster::run() {
  while (!is_over() && !testing::Test::HasFailure()) {
    if (clock_.since_start.ms > all_ends_ms) {
      ADD_FAILURE() << "jobs that neither ended nor can run:\n"
                    << (host_ ? state_text(state()) : "no scheduler") << agents_text();
      return {};
    }
    const std::int64_t next_s = (clock_.since_start.ms / 1000 + 1) * 1000;
    while (!events_.empty() && events_.begin()->first <= next_s) {
      auto event = events_.extract(events_.begin());
      clock_.advance(std::max<std::int64_t>(0, event.key() - clock_.since_start.ms));
      event.mapped()();
    }
    clock_.advance(std::max<std::int64_t>(0, next_s - clock_.since_start.ms));
    tick();
  }
  std::map<JobState, int> tally;
  if (testing::Test::HasFailure()) return tally;
  check_replay();
  for (const JobId id : acknowledged_) {
    const auto record = log_.find(id);
    EXPECT_TRUE(record && *record) << "no record of job " << id.value;
    if (!record || !*record) continue;
    tally[(*record)->state] += 1;
    EXPECT_FALSE((*record)->state == JobState::failed && (*record)->exit_code == exit_done)
        << "the result of job " << id.value << " was told, and is not believed";
  }
  return tally;
}

// Laws that hold after every event.
void SimCluster::check() {
  for (const auto& agent : agents_)
    EXPECT_LE(agent->cpus_in_use(), agent->cpus()) << agent->name() << " is given out twice";
  for (const auto& [name, node] : state().nodes) {
    EXPECT_LE(node.cpus_used, node.resources.cpus) << name;
    EXPECT_GE(node.cpus_used, 0) << name;
  }
  for (const JobId id : acknowledged_) {
    const bool is_there = state().jobs.contains(id);
    EXPECT_TRUE(is_there || log_.find(id).value()) << "job " << id.value << " is lost";
  }
  if (++checks_ % 16 != 0) return;
  const Engine& engine = host_->engine();
  policy::Index anew(engine.config().policy);
  anew.rebuild(engine.state());
  anew.advance(engine.state(), engine.now());
  EXPECT_TRUE(anew.view().same_as(engine.index().view()));
}

// The log leads to the state that was lived, from its beginning and from the newest snapshot.
void SimCluster::check_replay() {
  State full;
  EXPECT_TRUE(log_.replay([&](const Event& event) -> Result<void> {
    apply(full, event);
    return {};
  }));
  EXPECT_EQ(state_hash(full), state_hash(state()));
  State late = log_.load_snapshot().value().state;
  EXPECT_TRUE(log_.replay(late.applied, [&](const Event& event) -> Result<void> {
    apply(late, event);
    return {};
  }));
  EXPECT_EQ(state_hash(late), state_hash(state()));
}

}  // namespace sovren::engine
