// SPDX-License-Identifier: Apache-2.0
#include "slurm/bridge/pool_driver.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "slurm/bridge/site_state.h"

namespace sovren::slurm {
namespace {

constexpr int missing_max = 2;          ///< answers without it: it is gone
constexpr int cancel_every = 10;        ///< ticks; a scancel may come to nothing
constexpr std::size_t words_max = 300;  ///< of a refusal

// What an sbatch or squeue says of itself when slurmctld does not answer.
bool is_silence(const SiteAnswer& answer) {
  constexpr std::string_view signs[] = {"Unable to contact slurm controller",
                                        "Socket timed out",
                                        "Connection refused",
                                        "Connection timed out",
                                        "Zero Bytes",
                                        "temporarily unable",
                                        "temporarily unavailable",
                                        "Unexpected message",
                                        "Transport endpoint",
                                        "No route to host",
                                        "Communication connection failure"};
  return std::any_of(std::begin(signs), std::end(signs), [&](std::string_view sign) {
    return answer.errors.find(sign) != std::string::npos;
  });
}

// On one line, without the program's name before it.
std::string words_of(const SiteAnswer& answer, const std::string& program) {
  std::string words;
  std::string_view text = answer.errors;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
    for (const std::string_view prefix :
         {std::string_view("sbatch: "), std::string_view("error: ")})
      if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
    if (!line.empty()) words += (words.empty() ? "" : "; ") + std::string(line);
  }
  if (words.size() > words_max) words.resize(words_max);
  return words.empty() ? program + " ended with exit code " + std::to_string(answer.exit_code)
                       : words;
}

Error unreachable(const SiteAnswer& answer, const std::string& program) {
  return {.code = Code::unreachable, .what = words_of(answer, program)};
}

bool is_running(const PoolRow& row) {
  const auto state = site_state(row.state).state;
  const bool is_preparing = row.state.find("CONFIGURING") != std::string::npos ||
                            row.state.find("POWER_UP") != std::string::npos;
  return state && !is_preparing &&
         (*state == JobState::running || *state == JobState::suspended ||
          *state == JobState::completing);
}

bool is_waiting(const PoolRow& row) {
  return site_state(row.state).state == JobState::pending;
}

}  // namespace

PoolDriver::PoolDriver(SiteCommand command, PoolDriverSettings settings)
    : command_(std::move(command)), settings_(std::move(settings)) {}

PoolDriver::~PoolDriver() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  something_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PoolDriver::start(std::function<void()> on_news) {
  on_news_ = std::move(on_news);
  thread_ = std::thread([this] { run(); });
}

void PoolDriver::ask(const NodeWish& wish) {
  {
    const std::lock_guard lock(mutex_);
    wishes_.push_back(wish);
  }
  something_.notify_all();
}

void PoolDriver::give_back(AllocationId allocation) {
  {
    const std::lock_guard lock(mutex_);
    given_back_.push_back(allocation);
  }
  something_.notify_all();
}

std::vector<PoolNews> PoolDriver::poll() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

std::string PoolDriver::silence() {
  const std::lock_guard lock(mutex_);
  return silence_;
}

void PoolDriver::run() {
  sigset_t all;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, nullptr);  // signals are the main thread's
  for (;;) {
    const double wait_s = tick();
    bool has_news = false;
    {
      const std::lock_guard lock(mutex_);
      has_news = std::exchange(has_news_, false);
    }
    if (has_news && on_news_) on_news_();
    std::unique_lock lock(mutex_);
    const auto is_something = [&] {
      return is_stopping_ || !wishes_.empty() || !given_back_.empty();
    };
    // A site that does not answer is left alone, whatever is wished meanwhile.
    if (failures_ > 0)
      something_.wait_for(lock, std::chrono::duration<double>(wait_s),
                          [&] { return is_stopping_; });
    else if (wait_s < 0)
      something_.wait(lock, is_something);
    else
      something_.wait_for(lock, std::chrono::duration<double>(wait_s), is_something);
    if (is_stopping_) return;
  }
}

double PoolDriver::tick() {
  take_wishes();
  drop_unasked();
  if (auto looked = look(); !looked) {
    ++failures_;
    note_silence(looked.error().what);
    return pause_s();
  }
  drop_unasked();
  cancel();
  ask_site();
  if (failures_ == 0) note_silence("");
  return pause_s();
}

void PoolDriver::take_wishes() {
  const std::lock_guard lock(mutex_);
  for (NodeWish& wish : std::exchange(wishes_, {})) {
    Entry& entry = entries_[wish.allocation];
    entry.site_job = wish.site_job;
    entry.must_look = wish.site_job.empty() && wish.may_be_there;
    entry.wish = std::move(wish);
  }
  for (const AllocationId id : std::exchange(given_back_, {}))
    if (const auto entry = entries_.find(id); entry != entries_.end())
      entry->second.is_given_back = true;
}

// Given back before the site has heard of them.
void PoolDriver::drop_unasked() {
  std::erase_if(entries_, [&](const auto& each) {
    const Entry& entry = each.second;
    const bool is_over = entry.is_given_back && entry.site_job.empty() && !entry.must_look;
    if (is_over) tell(entry, WishEnded{"given back before it was asked for"});
    return is_over;
  });
}

Result<void> PoolDriver::look() {
  std::string names;
  for (const auto& [id, entry] : entries_)
    if (!entry.site_job.empty() || entry.must_look)
      names += (names.empty() ? "" : ",") + pool_job_name(entry.wish, settings_.place);
  if (names.empty()) {
    failures_ = 0;
    return {};
  }
  SOVREN_TRY(answer, command_({"squeue", "--noheader", "--all", "--states=all",
                               "--format=" + std::string(pool_squeue_format), "--name=" + names},
                              ""));
  if (answer.exit_code != 0) return fail(unreachable(answer, "squeue"));
  failures_ = 0;
  std::map<std::string, std::vector<PoolRow>> rows;
  for (PoolRow& row : read_pool_rows(answer.output)) rows[row.name].push_back(std::move(row));
  over_.clear();
  for (auto& [id, entry] : entries_) {
    if (entry.site_job.empty() && !entry.must_look) continue;
    const auto found = rows.find(pool_job_name(entry.wish, settings_.place));
    const PoolRow* row = nullptr;
    if (found != rows.end())
      for (const PoolRow& each : found->second)
        if (entry.site_job.empty() || each.site_job == entry.site_job) row = &each;
    if (row != nullptr)
      see(entry, *row);
    else
      note_missing(entry);
  }
  for (const AllocationId id : over_) entries_.erase(id);
  return {};
}

void PoolDriver::see(Entry& entry, const PoolRow& row) {
  entry.missing = 0;
  entry.must_look = false;
  if (entry.site_job.empty()) {
    entry.site_job = row.site_job;
    tell(entry, WishQueued{row.site_job});
  }
  if (!entry.is_started && is_running(row)) {
    entry.is_started = true;
    tell(entry, WishStarted{row.left_s});
  } else if (entry.is_started && is_waiting(row)) {
    entry.is_given_back = true;  // somebody requeued it: what would start is another agent
  }
  if (!site_state(row.state).is_final) return;
  const auto state = site_state(row.state).state;
  const bool is_as_meant = state == JobState::cancelled || state == JobState::timeout;
  tell(entry,
       WishEnded{row.state + (row.reason.empty() ? "" : " (" + row.reason + ")") +
                 (is_as_meant ? "" : ", see " + pool_log_file(entry.wish, settings_.place))});
  over_.insert(entry.wish.allocation);
}

void PoolDriver::note_missing(Entry& entry) {
  if (entry.must_look) {
    entry.must_look = false;
    return;
  }
  if (++entry.missing < missing_max) return;
  tell(entry, WishEnded{"the site does not know it any more"});
  over_.insert(entry.wish.allocation);
}

void PoolDriver::cancel() {
  std::vector<std::string> words{"scancel"};
  for (auto& [id, entry] : entries_) {
    if (!entry.is_given_back || entry.site_job.empty()) continue;
    if (entry.cancels++ % cancel_every == 0) words.push_back(entry.site_job);
  }
  if (words.size() == 1) return;
  const auto answer = command_(words, "");
  if (answer && answer->exit_code == 0) return;
  for (auto& [id, entry] : entries_) entry.cancels = 0;  // some are gone by now, or it is silent
  if (!answer || is_silence(*answer)) {
    ++failures_;
    note_silence(answer ? words_of(*answer, "scancel") : answer.error().what);
  }
}

void PoolDriver::ask_site() {
  over_.clear();
  for (auto& [id, entry] : entries_) {
    if (!entry.site_job.empty() || entry.must_look) continue;
    {
      const std::lock_guard lock(mutex_);
      if (is_stopping_) return;
    }
    auto site_job = submit(entry);
    if (site_job) {
      entry.site_job = *site_job;
      tell(entry, WishQueued{*site_job});
      continue;
    }
    const Error& error = site_job.error();
    if (error.code == Code::timed_out || error.code == Code::unreachable) {
      entry.must_look = true;
      ++failures_;
      note_silence(error.what);
      break;
    }
    tell(entry, WishRefused{error.what});
    over_.insert(id);
  }
  for (const AllocationId id : over_) entries_.erase(id);
}

Result<std::string> PoolDriver::submit(const Entry& entry) {
  const std::filesystem::path log = pool_log_file(entry.wish, settings_.place);
  std::error_code failed;
  std::filesystem::create_directories(log.parent_path(), failed);
  if (failed)
    return fail({.code = Code::storage_io,
                 .what = log.parent_path().string() + " cannot be made: " + failed.message()});
  SOVREN_TRY(answer,
             command_(pool_sbatch(entry.wish, settings_.place), settings_.script(entry.wish)));
  if (answer.exit_code != 0)
    return fail({.code = is_silence(answer) ? Code::unreachable : Code::refused,
                 .what = words_of(answer, "sbatch")});
  // "123", or "123;cluster"; wrappers may print lines of their own before it.
  std::string_view text = answer.output;
  while (text.ends_with('\n')) text.remove_suffix(1);
  if (const std::size_t line = text.rfind('\n'); line != std::string_view::npos)
    text.remove_prefix(line + 1);
  const std::string_view id = text.substr(0, text.find(';'));
  if (id.empty() || id.find_first_not_of("0123456789") != std::string_view::npos)
    return fail({.code = Code::unreachable, .what = "sbatch told no job id"});
  return std::string(id);
}

void PoolDriver::tell(const Entry& entry, decltype(PoolNews::what) what) {
  const std::lock_guard lock(mutex_);
  news_.push_back({entry.wish.allocation, std::move(what)});
  has_news_ = true;
}

void PoolDriver::note_silence(const std::string& why) {
  const std::lock_guard lock(mutex_);
  has_news_ = has_news_ || silence_ != why;
  silence_ = why;
}

double PoolDriver::pause_s() const {
  if (failures_ > 0)
    return std::min(settings_.backoff_max_s, settings_.tick_s * std::exp2(std::min(failures_, 20)));
  if (entries_.empty()) return -1;
  const bool is_calm = std::all_of(entries_.begin(), entries_.end(), [](const auto& each) {
    return each.second.is_started && !each.second.is_given_back && each.second.missing == 0;
  });
  return is_calm ? settings_.calm_tick_s : settings_.tick_s;
}

}  // namespace sovren::slurm
