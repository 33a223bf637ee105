// SPDX-License-Identifier: Apache-2.0
#include "workers/agent/attempt.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <fstream>

#include "core/model/state.h"
#include "core/text/report_json.h"
#include "workers/agent/exit_error.h"
#include "workers/agent/job_folder.h"
#include "workers/agent/orphans.h"
#include "workers/agent/srun_exit.h"
#include "workers/launch/command.h"
#include "workers/launch/head_command.h"
#include "workers/launch/process_tree.h"

namespace sovren::workers {
namespace {

constexpr int warnings_max = 5;

/// What it holds of this node.
Result<Share> share_of(const AttemptOrder& order, const AttemptHost& host,
                       const std::string& name) {
  if (host.isolation == nullptr) return Share();
  const Resources& resources = order.spec.resources;
  const int ranks = order.slots.empty() ? order.ranks : order.slots[0].ranks;
  return host.isolation->take({.name = name,
                               .cpus = cpus_held(resources, ranks, host.resources.cpus),
                               .gpus = ranks * resources.gpus_per_rank,
                               .memory_bytes = ranks * resources.memory_per_rank_bytes});
}

Error out_of_memory(const AttemptOrder& order) {
  return {.code = Code::out_of_memory,
          .what = "out of memory: a process was killed, for the ranks here used more than their " +
                  format_size(order.spec.resources.memory_per_rank_bytes) + " each",
          .hint = "raise resources.memory_per_rank, or use fewer ranks per node"};
}

Result<int> checkpoint_signal_of(const AttemptOrder& order) {
  const auto* command = std::get_if<CommandSpec>(&order.spec.kind);
  if (command == nullptr || command->checkpoint_signal.empty()) return 0;
  return signal_number(command->checkpoint_signal);
}

}  // namespace

Result<Attempt> Attempt::start(const AttemptOrder& order, const AttemptHost& host) {
  const std::string name = std::to_string(order.job.value) + "-" + std::to_string(order.attempt);
  const std::string cookie = host.private_dir + "/" + name;
  SOVREN_TRY(user, identity_for(order.user));
  SOVREN_TRY(checkpoint_signal, checkpoint_signal_of(order));
  SOVREN_TRY(share, share_of(order, host, group_name(cookie)));
  const CommandSetting setting{.programs = host.programs,
                               .report_socket = cookie + "/reports",
                               .launch_socket = cookie + "/launch",
                               .rsh_agent = host.rsh_agent,
                               .subnet = host.subnet,
                               .private_dir = cookie,
                               .cookie = cookie,
                               .cpus = host.resources.cpus,
                               .is_root = user ? user->uid == 0 : ::geteuid() == 0,
                               .user = user,
                               .gpus = share.gpus,
                               .script = script_file(order),
                               .shims = host.shims,
                               .now_s = std::time(nullptr),
                               .site = host.site};
  SOVREN_TRY(command, make_command(order, setting, host.environment));
  confine(command, share);
  SOVREN_DO(prepare_job_folder(order, user));
  SOVREN_TRY(ears, open_ears(order, host, setting));
  SOVREN_TRY(process, ears.output ? Process::start(command, ears.output->write_end(),
                                                   ears.output->error_end())
                                  : Process::start(command, ears.log.get()));
  if (ears.output) ears.output->started();
  Attempt attempt(order, cookie, std::move(share), std::move(ears), std::move(process));
  attempt.checkpoint_signal_ = checkpoint_signal;
  attempt.is_by_srun_ = host.site && host.site->by == SiteLaunch::By::srun && order.ranks > 1 &&
                        !is_started_on_head(order);
  return attempt;
}

Result<Attempt::Ears> Attempt::open_ears(const AttemptOrder& order, const AttemptHost& host,
                                         const CommandSetting& setting) {
  Ears ears;
  const auto* command = std::get_if<CommandSpec>(&order.spec.kind);
  if (command == nullptr || order.ranks > 1 || is_started_on_head(order)) {
    SOVREN_TRY(folder, AttemptFolder::make(setting.private_dir, setting.user));
    ears.folder.emplace(std::move(folder));
  }
  if (is_started_on_head(order)) {
    SOVREN_DO(put_private_file(host_file_of(setting), host_file_text(order), setting.user));
    SOVREN_DO(put_private_file(allocation_file_of(setting),
                               print_allocation(allocation_of(order, setting)), setting.user));
  }
  if (order.slots.size() > 1) {
    SOVREN_TRY(launches, LaunchChannel::listen(setting.launch_socket, setting.user));
    ears.launches.emplace(std::move(launches));
  }
  if (command != nullptr) {
    SOVREN_TRY(output,
               CommandOutput::open({.path = order.dir + "/logs/rank-0000.log",
                                    .owner = setting.user,
                                    .bytes_max = host.log_bytes_max,
                                    .copies = output_paths(order, *command),
                                    .copies_mode = order.attempt > 1 ? CommandSpec::OpenMode::append
                                                                     : command->open_mode}));
    ears.output.emplace(std::move(output));
  } else {
    SOVREN_TRY(ranks, ReportChannel::listen(setting.report_socket, setting.user));
    ears.ranks.emplace(std::move(ranks));
    SOVREN_TRY(log, open_launch_log(order.dir, setting.user));
    ears.log = std::move(log);
    ears.log_begin = ::lseek(ears.log.get(), 0, SEEK_END);
  }
  return ears;
}

void Attempt::request(Request request) {
  if (request == Request::kill) {
    is_kill_requested_ = true;
    if (share_.cgroup) share_.cgroup->kill();
    process_.kill();
  } else if (ears_.output) {
    request_command(request);
  } else if (request == Request::checkpoint) {
    ears_.ranks->send(R"({"request":"checkpoint"})");
  } else {
    // A cancelled job seals too: that costs a moment, and running it again loses nothing.
    ears_.ranks->send(R"({"request":"stop"})");
  }
}

void Attempt::request_command(Request request) {
  const bool may_checkpoint = checkpoint_signal_ != 0 && request != Request::cancel;
  if (request == Request::checkpoint && !may_checkpoint) return;
  if (request != Request::checkpoint) is_stop_requested_ = true;
  if (may_checkpoint)
    signal_checkpoint();
  else
    process_.signal(SIGTERM);
}

// A script that sets no trap would be ended by what is meant for its ranks.
void Attempt::signal_checkpoint() const {
  using To = CommandSpec::SignalTo;
  const auto* command = std::get_if<CommandSpec>(&order_.spec.kind);
  const bool is_on_head = command != nullptr && command->start == CommandSpec::Start::head;
  const To to = is_on_head ? command->signal_to : To::all;
  if (to == To::all) return process_.signal(checkpoint_signal_);
  if (to == To::script) return process_.signal_first(checkpoint_signal_);
  for (const pid_t launcher : step_launchers(process_.pid())) ::kill(launcher, checkpoint_signal_);
}

void Attempt::acknowledge_seal(std::int64_t step) {
  if (ears_.ranks) ears_.ranks->send("{\"sealed_recorded\":" + std::to_string(step) + "}");
}

void Attempt::assist_ended(const AssistEnded& ended) {
  if (ears_.launches) ears_.launches->answer(ended);
}

void Attempt::add_to(std::vector<pollfd>& wanted) const {
  wanted.push_back({process_.end_fd(), POLLIN, 0});
  if (ears_.ranks) ears_.ranks->add_to(wanted);
  if (ears_.output) ears_.output->add_to(wanted);
  if (ears_.launches) ears_.launches->add_to(wanted);
}

bool Attempt::has_ended() const {
  pollfd ended{process_.end_fd(), POLLIN, 0};
  return ::poll(&ended, 1, 0) > 0;
}

void Attempt::listen(std::vector<AttemptNews>& news) {
  if (ears_.launches)
    for (AssistAsked& asked : ears_.launches->serve())
      news.push_back({order_.job, order_.attempt, std::move(asked), {}});
  if (ears_.ranks) listen_to_ranks(news);
  if (!ears_.output) return;
  for (RankReport& said : ears_.output->serve()) {
    if (auto* warning = std::get_if<ReportWarning>(&said))
      warn(std::move(warning->text), news);
    else
      report(std::move(said), news);
  }
}

void Attempt::listen_to_ranks(std::vector<AttemptNews>& news) {
  for (const std::string& line : ears_.ranks->serve()) {
    auto said = text::report_from_json(line);
    if (!said) {
      warn("a report could not be read: " + to_text(said.error()), news);
      continue;
    }
    note(*said);
    report(*std::move(said), news);
  }
  if (ears_.ranks->dropped_lines() > dropped_lines_) {
    dropped_lines_ = ears_.ranks->dropped_lines();
    warn("a report of more than 1 MiB was dropped", news);
  }
}

void Attempt::note(const RankReport& report) {
  if (std::holds_alternative<ReportStarted>(report)) is_started_ = true;
  if (std::holds_alternative<ReportFinished>(report)) is_finished_ = true;
  if (const auto* failed = std::get_if<ReportFailed>(&report)) {
    // That a peer was lost is what the other ranks say; why it was lost says more.
    if (!failure_ || failure_->code == Code::peer_lost) failure_ = failed->error;
  }
}

void Attempt::report(RankReport report, std::vector<AttemptNews>& news) {
  news.push_back({order_.job, order_.attempt, std::move(report), {}});
}

void Attempt::warn(std::string text, std::vector<AttemptNews>& news) {
  if (++warnings_ > warnings_max) return;
  if (warnings_ == warnings_max) text += " (more of these are not shown)";
  report(ReportWarning{std::move(text)}, news);
}

void Attempt::speak_for_command(int exit_code, std::vector<AttemptNews>& news) {
  const Progress& progress = ears_.output->progress();
  if (exit_code == exit_done)
    report(ReportFinished{.steps = progress.step, .digest = "", .metrics = progress.metrics}, news);
  // "Checkpointed, start me again": a step further than before, so that it counts as progress.
  if (exit_code == exit_checkpointed && !ears_.output->sealed_step())
    report(ReportSealed{.step = std::max<std::int64_t>(progress.step, order_.attempt)}, news);
}

int Attempt::exit_code_of_ranks(int exit_code) const {
  if (!is_by_srun_ || !ears_.log.is_open() || exit_code == exit_done) return exit_code;
  std::ifstream log(order_.dir + "/logs/launch.log", std::ios::binary);
  log.seekg(ears_.log_begin);
  std::string said(std::size_t{1} << 16, '\0');
  log.read(said.data(), static_cast<std::streamsize>(said.size()));
  said.resize(static_cast<std::size_t>(log.gcount()));
  return exit_code_of_srun(exit_code, said);
}

AttemptExited Attempt::finish(const std::vector<pid_t>& leaders, std::vector<AttemptNews>& news) {
  const bool is_out_of_memory = share_.cgroup && share_.cgroup->has_run_out_of_memory();
  process_.kill();  // what is left of its group; its number is ours until it is reaped
  if (share_.cgroup) share_.cgroup->kill();
  const int exit_code = exit_code_of_ranks(process_.exit_code().value_or(128 + SIGKILL));
  kill_orphans(cookie_, leaders);
  listen(news);  // nobody is left to write: this is all
  if (ears_.output) speak_for_command(exit_code, news);
  std::optional<Error> error = error_of_exit({.exit_code = exit_code,
                                              .dir = order_.dir,
                                              .reported = failure_,
                                              .is_command = ears_.output.has_value(),
                                              .is_started = is_started_,
                                              .is_kill_requested = is_kill_requested_,
                                              .is_stop_requested = is_stop_requested_,
                                              .is_by_srun = is_by_srun_});
  if (error && is_out_of_memory && !is_kill_requested_) error = out_of_memory(order_);
  if (!is_finished_ || !error) return {.exit_code = exit_code, .error = std::move(error)};
  warn("after the result was there: " + to_text(*error), news);
  return {.exit_code = exit_done, .error = {}};
}

}  // namespace sovren::workers
