// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/agent.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>

#include "workers/launch/machine.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

constexpr int kill_wait_ms = 2000;

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::vector<std::string> own_environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable)
    variables.emplace_back(*variable);
  return variables;
}

}  // namespace

Agent::Agent(AttemptHost host, std::unique_ptr<Isolation> isolation, PrivateFolder folder,
             double scrub_interval_s)
    : host_(std::move(host)),
      isolation_(std::move(isolation)),
      folder_(std::move(folder)),
      scrubs_(scrub_interval_s) {
  host_.isolation = isolation_.get();
}

Result<std::unique_ptr<Agent>> Agent::start(AgentConfig config) {
  SOVREN_TRY(programs, find_programs({config.rank_program, config.mpirun}));
  SOVREN_DO(adopt_orphans());
  SOVREN_TRY(folder, PrivateFolder::make(config.temporary_dir));
  if (config.environment.empty()) config.environment = own_environment();
  AttemptHost host{.programs = std::move(programs),
                   .private_dir = folder.path(),
                   .environment = std::move(config.environment),
                   .resources = discover_machine(),
                   .log_bytes_max = config.log_bytes_max,
                   .rsh_agent = config.rsh_agent.empty() ? running_program() + " rsh-agent --"
                                                         : std::move(config.rsh_agent),
                   .subnet = std::move(config.subnet),
                   .site = std::move(config.site)};
  if (config.link_shims) {
    host.shims = folder.path() + "/bin";
    SOVREN_DO(config.link_shims(host.shims));
    ::chmod(host.shims.c_str(), 0755);  // for the users of root's agent, too
  }
  std::unique_ptr<Isolation> isolation;
  if (config.attempts == AgentConfig::Attempts::apart) {
    isolation = std::make_unique<Isolation>(Isolation::of_this_machine());
    host.resources.gpus = isolation->gpu_count();
    host.resources.labels = isolation->labels();
  }
  if (config.cpus) host.resources.cpus = *config.cpus;
  return std::unique_ptr<Agent>(
      new Agent(std::move(host), std::move(isolation), std::move(folder), config.scrub_interval_s));
}

Agent::~Agent() {
  request_all(Request::kill);
  std::vector<AttemptNews> unheard;
  const auto wait_for_end = [](const auto& one) {
    std::vector<pollfd> ended;
    one.add_to(ended);
    ::poll(ended.data(), 1, kill_wait_ms);  // the first is the end of its first process
  };
  for (auto& [key, attempt] : running_) {
    wait_for_end(attempt);
    attempt.finish(leaders_but(attempt.pid()), unheard);
  }
  for (Assistant& assistant : assistants_) {
    wait_for_end(assistant);
    assistant.finish(leaders_but(assistant.pid()));
  }
}

Result<void> Agent::start(const AttemptOrder& order) {
  if (has_seen(order.job, order.attempt)) return {};
  SOVREN_TRY(attempt, Attempt::start(order, host_));
  forget(order.job, order.attempt);
  if (!std::holds_alternative<CommandSpec>(order.spec.kind))
    scrubs_.note({order.job, order.attempt, order.dir, order.user}, steady_s());
  running_.emplace(Key{order.job, order.attempt}, std::move(attempt));
  return {};
}

Result<void> Agent::assist(const AssistOrder& order) {
  if (has_seen(order.job, order.attempt)) return {};
  for (const Assistant& there : assistants_)
    if (there.order().job == order.job && there.order().attempt == order.attempt &&
        there.order().launch == order.launch)
      return {};
  SOVREN_TRY(assistant, Assistant::start(order, host_));
  assistants_.push_back(std::move(assistant));
  return {};
}

void Agent::assist_ended(JobId job, int attempt, const AssistEnded& ended) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.assist_ended(ended);
}

bool Agent::has_seen(JobId job, int attempt) const {
  const auto last = last_attempt_.find(job);
  return last != last_attempt_.end() && last->second >= attempt;
}

void Agent::forget(JobId job, int attempt) {
  const auto [entry, is_new] = last_attempt_.emplace(job, attempt);
  entry->second = std::max(entry->second, attempt);
  if (is_new) remembered_.push_back(job);
  if (remembered_.size() <= remembered_max) return;
  last_attempt_.erase(remembered_.front());
  remembered_.pop_front();
}

bool Agent::is_running(JobId job, int attempt) const {
  return running_.contains({job, attempt}) ||
         std::any_of(assistants_.begin(), assistants_.end(), [&](const Assistant& assistant) {
           return assistant.order().job == job && assistant.order().attempt == attempt;
         });
}

void Agent::request_all(Request request) {
  for (auto& [key, attempt] : running_) attempt.request(request);
  if (request != Request::kill) return;
  for (Assistant& assistant : assistants_) assistant.kill();
}

Result<void> Agent::request(JobId job, int attempt, Request request) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.request(request);
  if (request != Request::kill) return {};
  for (Assistant& assistant : assistants_)
    if (assistant.order().job == job && assistant.order().attempt == attempt) {
      forget(job, attempt);
      assistant.kill();
    }
  return {};
}

Result<void> Agent::acknowledge_seal(JobId job, int attempt, std::int64_t step) {
  if (const auto found = running_.find({job, attempt}); found != running_.end())
    found->second.acknowledge_seal(step);
  return {};
}

std::vector<AttemptNews> Agent::poll(double timeout_s) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::duration<double>(std::max(0.0, timeout_s));
  std::vector<AttemptNews> news;
  for (bool is_first = true;; is_first = false) {
    // The first look does not wait: what is there already needs no sleep.
    const double left_s = std::chrono::duration<double>(until - Clock::now()).count();
    const bool is_woken = wait(is_first ? 0 : left_s);
    look_at_attempts(news);
    look_at_assistants(news);
    look_at_scrub(news);
    if (!news.empty() || is_woken || left_s <= 0) return news;
  }
}

void Agent::look_at_attempts(std::vector<AttemptNews>& news) {
  for (auto next = running_.begin(); next != running_.end();) {
    const auto here = next++;
    Attempt& attempt = here->second;
    if (!attempt.has_ended()) {
      attempt.listen(news);
      continue;
    }
    AttemptExited exited = attempt.finish(leaders_but(attempt.pid()), news);
    news.push_back({here->first.first, here->first.second, std::move(exited), {}});
    running_.erase(here);
  }
}

// That it is gone is only said of one that was told to go: the attempt may ask for another.
void Agent::look_at_assistants(std::vector<AttemptNews>& news) {
  for (auto next = assistants_.begin(); next != assistants_.end();) {
    const auto here = next++;
    if (!here->has_ended()) continue;
    const JobId job = here->order().job;
    const int attempt = here->order().attempt;
    news.push_back({job, attempt, here->finish(leaders_but(here->pid())), {}});
    assistants_.erase(here);
    if (has_seen(job, attempt) && !is_running(job, attempt))
      news.push_back({job, attempt, AttemptGone{}, {}});
  }
}

void Agent::look_at_scrub(std::vector<AttemptNews>& news) {
  if (scrub_ && scrub_->has_ended()) {
    const ScrubPlace place = scrub_->place();
    for (RankReport& report : scrub_->finish()) tell_of_scrub(place, std::move(report), news);
    scrub_.reset();
    std::error_code ignored;
    if (!is_running(place.job, place.attempt) && !std::filesystem::exists(place.dir, ignored))
      scrubs_.forget(place.dir);
  }
  if (scrub_) return;
  const auto place = scrubs_.take_due(steady_s());
  if (!place) return;
  if (auto started = Scrub::start(*place, host_); started)
    scrub_.emplace(std::move(*started));
  else
    tell_of_scrub(*place, scrub_trouble(to_text(started.error())), news);
}

// The scheduler takes no reports of an attempt that is over: to it, a report means that it runs.
void Agent::tell_of_scrub(const ScrubPlace& place, RankReport report,
                          std::vector<AttemptNews>& news) {
  const auto* rejected = std::get_if<ReportRejected>(&report);
  scrub_log_.push_back("job " + std::to_string(place.job.value) + " in '" + place.dir + "': " +
                       (rejected != nullptr ? rejected->set + " was " + rejected->why
                                            : std::get<ReportWarning>(report).text));
  const auto attempt = running_.find({place.job, place.attempt});
  if (attempt == running_.end()) return;
  if (rejected != nullptr) attempt->second.request(Request::checkpoint);
  news.push_back({place.job, place.attempt, std::move(report), {}});
}

bool Agent::wait(double timeout_s) const {
  std::vector<pollfd> wanted;
  for (const int fd : wake_fds_) wanted.push_back({fd, POLLIN, 0});
  for (const auto& [key, attempt] : running_) attempt.add_to(wanted);
  for (const Assistant& assistant : assistants_) assistant.add_to(wanted);
  if (scrub_) scrub_->add_to(wanted);
  constexpr double ms_max = 3'600'000;
  const double ms = std::clamp(std::ceil(timeout_s * 1000), 0.0, ms_max);
  if (::poll(wanted.data(), wanted.size(), static_cast<int>(ms)) < 0) return true;  // a signal
  return std::any_of(wanted.begin(), wanted.begin() + std::ssize(wake_fds_),
                     [](const pollfd& one) { return one.revents != 0; });
}

std::vector<pid_t> Agent::leaders_but(pid_t one) const {
  std::vector<pid_t> leaders;
  for (const auto& [key, attempt] : running_)
    if (attempt.pid() != one) leaders.push_back(attempt.pid());
  for (const Assistant& assistant : assistants_)
    if (assistant.pid() != one) leaders.push_back(assistant.pid());
  if (scrub_) leaders.push_back(scrub_->pid());
  return leaders;
}

}  // namespace sovren::workers
