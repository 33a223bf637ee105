// SPDX-License-Identifier: Apache-2.0
#include "cli/embedded_run.h"

#include <set>
#include <utility>

#include "cli/admission.h"
#include "cli/directory_hold.h"
#include "cli/progress_file.h"
#include "cli/shims.h"
#include "cli/system_clock.h"
#include "cli/terminal.h"
#include "cli/users.h"
#include "core/text/job_file.h"
#include "scheduler/engine/engine.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/log/event_log.h"
#include "workers/agent/agent.h"

namespace sovren::cli {
namespace {

constexpr const char* node_name = "local";
constexpr double turn_s = 0.2;  // how often the progress line is looked at when no news comes

// Tells the user what happened to the job, as it happens.
class Narrator {
 public:
  Narrator(ProgressLine& progress, Clock& clock) : progress_(progress), clock_(clock) {}

  std::optional<Instant> sealed_at() const { return sealed_at_; }
  /// Has an attempt stopped with a checkpoint since the last call?
  bool take_stopped() { return std::exchange(has_stopped_, false); }

  void operator()(const AttemptStarted& e) {
    sealed_at_.reset();
    progress_.restart(clock_.now());
    if (e.attempt > 1) progress_.say("attempt " + std::to_string(e.attempt));
  }
  void operator()(const CheckpointRestored& e) {
    progress_.say("resumed at step " + std::to_string(e.step) + " (read in " +
                  format_seconds(e.restore_s) + ")");
  }
  void operator()(const CheckpointSealed&) { sealed_at_ = clock_.now(); }
  void operator()(const AttemptEnded& e) {
    progress_.clear();
    last_error_ = e.error;
    has_stopped_ = e.ending == Ending::checkpointed;
  }
  void operator()(const JobRequeued& e) {
    if (!e.counted) return;
    const double wait_s = e.not_before - clock_.now();
    print_warning("the attempt failed (" + (last_error_ ? to_text(*last_error_) : e.why) + "); " +
                  (wait_s > 0 ? "trying again in " + format_seconds(wait_s) : "trying again"));
  }
  template <class Other>
  void operator()(const Other&) {}

  // Each warning once, however many attempts repeat it.
  void warn_new(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
      if (!warned_.insert(warning).second) continue;
      progress_.clear();
      print_warning(warning);
    }
  }

 private:
  ProgressLine& progress_;
  Clock& clock_;
  std::optional<Instant> sealed_at_;
  std::optional<Error> last_error_;
  bool has_stopped_ = false;
  std::set<std::string> warned_;
};

// What a second signal to stop means. A user who says it again cannot wait. Slurm says it to each
// process of an allocation, whose script passes it on as well; it kills what takes too long itself.
enum class SecondStop { aborts, changes_nothing };

// Turns the engine until the job has ended, or is held after a stop.
class Session {
 public:
  Session(engine::Engine& engine, JobId id, SignalInbox& signals, SecondStop second_stop,
          ProgressLine& progress, Clock& clock, Narrator& narrator, DirectoryHold& hold,
          ProgressFile* file)
      : engine_(engine),
        id_(id),
        signals_(signals),
        second_stop_(second_stop),
        progress_(progress),
        clock_(clock),
        narrator_(narrator),
        hold_(hold),
        file_(file) {}

  Result<RunOutcome> run() {
    while (!is_over()) {
      SOVREN_DO(hold_.check());
      SOVREN_DO(obey(signals_.take()));
      if (const auto turned = engine_.turn(turn_s); !turned) {
        SOVREN_DO(hold_.check(DirectoryHold::Look::now));  // the log is another's by now
        return fail(turned.error());
      }
      if (narrator_.take_stopped() && stops_ == 0 && is_site_the_master()) SOVREN_DO(stop());
      show();
    }
    progress_.clear();
    if (file_ != nullptr) file_->finish();
    const auto live = engine_.live().find(id_);
    SOVREN_DO(hold_.check(DirectoryHold::Look::now));
    RunOutcome outcome{.job = job(),
                       .live = live == engine_.live().end() ? engine::Live{} : live->second};
    outcome.exit_code = exit_code();
    return outcome;
  }

 private:
  const Job& job() const { return engine_.state().jobs.at(id_); }
  bool is_over() const {
    return is_final(job().state) || (job().is_held && job().state == JobState::pending);
  }

  Result<void> obey(SignalInbox::Received received) {
    if (received.checkpoints > 0) {
      const auto asked = engine_.request(id_, Request::checkpoint, own_user());
      if (!asked && asked.error().code != Code::refused) return fail(asked.error());
      if (!asked) print_warning("no checkpoint now: " + asked.error().what);
    }
    const bool aborts = second_stop_ == SecondStop::aborts;
    for (int i = 0; i < received.stops; ++i) {
      if (stops_ > 0 && !aborts) continue;
      ++stops_;
      progress_.clear();
      if (stops_ == 1) {
        progress_.say(std::string("saving a checkpoint, then stopping") +
                      (aborts ? "; once more aborts (stop again)" : ""));
        SOVREN_DO(stop());
      } else if (stops_ == 2) {
        SOVREN_DO(engine_.request(id_, Request::kill, own_user()));
      }
    }
    return {};
  }

  Result<void> stop() { return engine_.request(id_, Request::stop, own_user()); }

  /// Ranks of ours stop by themselves when a site tells them that the allocation ends. A command
  /// may do so to be started again.
  bool is_site_the_master() const {
    return file_ != nullptr && !std::holds_alternative<CommandSpec>(job().spec->kind);
  }

  void show() {
    const auto live = engine_.live().find(id_);
    if (live == engine_.live().end()) return;
    narrator_.warn_new(live->second.warnings);
    if (!live->second.preview.empty() && !std::exchange(has_preview_, true))
      progress_.say("preview in " + job().dir + "/" + live->second.preview);
    if (!live->second.progress || job().state != JobState::running) return;
    progress_.update(*live->second.progress, narrator_.sealed_at(), clock_.now());
    if (file_ != nullptr)
      file_->update(job(), *live->second.progress, clock_.steady(), clock_.now());
  }

  // docs/errors.md, "Exit codes of sovren".
  int exit_code() const {
    if (stops_ > 1) return cli_exit_code(Code::interrupted);
    switch (job().state) {
      case JobState::completed:
        return exit_done;
      case JobState::timeout:
        return job().sealed_step >= 0 ? exit_checkpointed : cli_exit_code(Code::timed_out);
      case JobState::pending:
        return job().sealed_step >= 0 ? exit_checkpointed : cli_exit_code(Code::interrupted);
      default:
        return job().error ? cli_exit_code(job().error->code) : exit_job_failed;
    }
  }

  engine::Engine& engine_;
  JobId id_;
  SignalInbox& signals_;
  SecondStop second_stop_;
  ProgressLine& progress_;
  Clock& clock_;
  Narrator& narrator_;
  DirectoryHold& hold_;
  ProgressFile* file_;  // null: nobody looks from another machine
  int stops_ = 0;
  bool has_preview_ = false;
};

// The job of this run: the folder's unfinished one, or a new one.
Result<JobId> enter(engine::Engine& engine, const RunRequest& request,
                    const JobDirectory& directory) {
  const std::string digest = text::facts_digest(request.facts);
  SOVREN_TRY(admission, admit(engine.state(), request, digest, directory.checkpoints()));
  if (admission.resume) {
    SOVREN_DO(engine.release(*admission.resume, own_user()));
    return *admission.resume;
  }
  if (admission.supersede)
    SOVREN_DO(engine.request(*admission.supersede, Request::cancel, own_user()));
  return engine.submit(engine::Submission{.user = own_user(),
                                          .dir = directory.path(),
                                          .spec = request.spec,
                                          .spec_digest = digest,
                                          .oldest_set_job = admission.oldest_set_job});
}

}  // namespace

Result<RunOutcome> run_embedded(const RunRequest& request, const JobDirectory& directory,
                                SignalInbox& signals, ProgressLine& progress) {
  const NodeResources resources = resources_for(request.spec, request.site);
  State here;
  here.nodes[node_name] = {.name = node_name, .resources = resources};
  SOVREN_DO(policy::can_ever_run(request.spec, here));

  SOVREN_TRY(hold, DirectoryHold::take(directory, request.site));
  SOVREN_TRY(log, hold.open_log());
  SOVREN_TRY(agent, workers::Agent::start(
                        {.rank_program = request.programs.rank,
                         .mpirun = request.programs.mpirun,
                         .cpus = resources.cpus,
                         .site = request.site ? std::optional(request.site->launch) : std::nullopt,
                         .link_shims = link_own_shims}));
  agent->wake_on(signals.wake_fd());
  SystemClock clock;
  SOVREN_TRY(latest_job, storage::latest_job(directory.checkpoints()));
  // However often it has failed on this machine: there is no other, and somebody wants it here.
  SOVREN_TRY(engine, engine::Engine::open(*log, *agent, clock,
                                          {.policy = {.breaker_failures = 0},
                                           .on_time_limit = engine::OnTimeLimit::end,
                                           .last_job_before = latest_job}));
  SOVREN_DO(engine->join_node(node_name, resources));
  SOVREN_DO(engine->resume(node_name, own_user()));
  SOVREN_TRY(id, enter(*engine, request, directory));
  SOVREN_DO(engine->commit());
  SOVREN_DO(storage::write_file_atomic(directory.job_file(), text::print_job_file(request.spec)));

  Narrator narrator(progress, clock);
  narrator.warn_new(request.warnings);
  engine->on_event = [&](const Event& event) { std::visit(narrator, event.body); };
  std::optional<ChainLink> link;
  ProgressFile file(directory.path());
  if (request.site) {
    SOVREN_TRY(begun, ChainLink::begin(*request.site, engine->state().jobs.at(id), directory,
                                       clock.now()));
    link.emplace(std::move(begun));
  }
  const SecondStop second_stop = request.site ? SecondStop::changes_nothing : SecondStop::aborts;
  auto outcome = Session(*engine, id, signals, second_stop, progress, clock, narrator, hold,
                         link ? &file : nullptr)
                     .run();
  if (!link) return outcome;
  const int exit_code = outcome ? outcome->exit_code : cli_exit_code(outcome.error().code);
  const std::int64_t step = newest_step(engine->state().jobs.at(id), directory);
  if (auto ended = link->end(exit_code, step, clock.now()); !ended)
    print_warning("the end of this allocation is not written down: " + to_text(ended.error()));
  if (!outcome) return outcome;
  SOVREN_TRY(chain, slurm::read_chain(directory.path()));
  outcome->allocations = std::ssize(chain);
  return outcome;
}

}  // namespace sovren::cli
