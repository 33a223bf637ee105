// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/loop.h"

#include <array>
#include <optional>
#include <utility>

#include "workers/rank/best_metric.h"
#include "workers/rank/preview.h"
#include "workers/rank/schedule.h"
#include "workers/rank/slowdown.h"

namespace sovren::workers {
namespace {

/// What all ranks agreed on at a step boundary.
struct Agreed {
  bool seal = false;       ///< somebody asked, or it is due
  std::int64_t level = 0;  ///< below the job directory, that is due; LevelSeals::due
  bool stop = false;
  bool preview = false;  ///< is due
  bool writing = false;  ///< a rank is still writing its part of the pending set
  bool failed = false;   ///< a rank could not
};

class Loop {
 public:
  Loop(const LoopSetting& setting, const LoopParts& parts)
      : setting_(setting),
        parts_(parts),
        is_root_(parts.comm.rank() == 0),
        sealed_step_(setting.sealed_step),
        facts_(parts.kind.facts()),
        schedule_(setting.checkpoint.interval, setting.mtbf_s, setting.recovery_s, parts.now_s(),
                  parts.kind.steps()),
        levels_(parts.levels, setting.mtbf_s, setting.recovery_s, parts.now_s(),
                parts.kind.steps()),
        previews_(parts.now_s()),
        reported_s_(parts.now_s()) {}

  Result<LoopEnd> run() {
    report_progress();
    if (!parts_.kind.done()) SOVREN_DO(prepare());
    while (!parts_.kind.done()) {
      SOVREN_TRY(agreed, agree());
      if (step_began_s_) slowdown_.stepped(parts_.now_s() - *step_began_s_, is_sealing());
      if (agreed.failed || !agreed.writing) SOVREN_DO(finish_pending());
      if (agreed.stop) return stop();
      is_seal_wanted_ = is_seal_wanted_ || agreed.seal;
      if (is_seal_wanted_ && !is_sealing()) SOVREN_DO(start_seal());
      if (agreed.level > 0 && !is_sealing()) SOVREN_DO(start_level(agreed.level));
      prune_recorded();
      if (agreed.preview) SOVREN_DO(show_preview());
      step_began_s_ = parts_.now_s();
      if (auto stepped = parts_.kind.step(); !stepped)
        return fail(std::move(stepped).error().within("computing step " +
                                                      std::to_string(parts_.kind.steps() + 1)));
      if (parts_.now_s() - reported_s_ >= progress_interval_s) report_progress();
    }
    if (pending_) SOVREN_DO(finish_seal());
    levels_.abandon();
    prune_recorded();
    report_progress();
    return LoopEnd::done;
  }

 private:
  /// Memory for the copies of the state, where any are to be expected.
  Result<void> prepare() {
    if (setting_.checkpoint.interval.mode == CheckpointPolicy::Mode::off) return {};
    auto prepared = parts_.store.prepare(
        parts_.comm, [&](StateWriter& writer) { return parts_.kind.checkpoint(writer); });
    if (!prepared) return fail(std::move(prepared).error().within("getting ready for checkpoints"));
    return {};
  }

  Result<Agreed> agree() {
    std::array<std::int64_t, 6> flags{
        parts_.control.take_checkpoint() || is_due(),
        parts_.control.is_stopping(),
        is_root_ && previews_.is_due(parts_.now_s()),
        (pending_ && !pending_->is_written()) || !levels_.is_written(),
        pending_ && pending_->has_failed(),
        is_root_ && !is_sealing() ? levels_.due(parts_.now_s(), steps()) : 0};
    SOVREN_DO(parts_.comm.all_reduce(flags, Reduce::max));
    return Agreed{.seal = flags[0] != 0,
                  .level = flags[5],
                  .stop = flags[1] != 0,
                  .preview = flags[2] != 0,
                  .writing = flags[3] != 0,
                  .failed = flags[4] != 0};
  }

  /// By the schedule; one that is due while another is being written waits, or is skipped.
  bool is_due() {
    const double now_s = parts_.now_s();
    if (!is_root_ || !schedule_.is_due(now_s, steps())) return false;
    if (!pending_ || pending_->is_written()) return true;
    if (setting_.checkpoint.when_busy == CheckpointPolicy::Busy::skip) {
      schedule_.begun(now_s, steps());
      skipped_ += 1;
    }
    return false;
  }

  /// That a preview cannot be written stops nothing.
  Result<void> show_preview() {
    const double start_s = parts_.now_s();
    SOVREN_TRY(files, parts_.kind.preview());
    if (!is_root_) return {};
    if (files.empty()) {
      previews_.end();
      return {};
    }
    if (auto written = write_preview(setting_.dir, files); !written) {
      previews_.end();
      parts_.reporter.report(
          ReportWarning{"there are no previews: " + to_text(std::move(written).error())});
      return {};
    }
    if (!std::exchange(has_preview_, true))
      parts_.reporter.report(ReportPreview{preview_path(files.front().name)});
    const double now_s = parts_.now_s();
    previews_.made(now_s, now_s - start_s);
    return {};
  }

  Result<LoopEnd> stop() {
    SOVREN_DO(finish_pending());
    if (sealed_step_ != steps() && setting_.checkpoint.interval.mode == CheckpointPolicy::Mode::off)
      return fail({.code = Code::interrupted,
                   .what = "stopped after step " + std::to_string(steps()) +
                           " without a checkpoint, because checkpoints are off",
                   .hint = "set [checkpoint] interval = \"auto\" to keep the work"});
    if (sealed_step_ != steps()) {
      SOVREN_DO(start_seal());
      if (pending_) SOVREN_DO(finish_seal());
    } else if (is_root_) {
      // A set that is restored twice without a seal after it counts as one that crashes the job.
      if (auto forgotten = parts_.store.forget_restores(); !forgotten)
        parts_.reporter.report(ReportWarning{to_text(std::move(forgotten).error())});
    }
    prune_recorded();
    report_progress();
    return LoopEnd::checkpointed;
  }

  storage::SetHeader header() const {
    return {.job = setting_.job,
            .attempt = setting_.attempt,
            .step = steps(),
            .kind = setting_.kind,
            .facts = facts_,
            .sealed_at_s = parts_.wall_s ? parts_.wall_s() : 0,
            .metrics = parts_.kind.progress().metrics};
  }

  bool is_sealing() const { return pending_ || levels_.is_pending(); }

  /// What is being written; all ranks have written.
  Result<void> finish_pending() {
    if (levels_.is_pending())
      SOVREN_DO(warn_of(levels_.finish(parts_.comm, parts_.now_s, slowdown_)));
    return pending_ ? finish_seal() : Result<void>();
  }

  Result<void> start_level(std::int64_t number) {
    return warn_of(levels_.start(
        parts_.comm, number, header(),
        [&](StateWriter& writer) { return parts_.kind.checkpoint(writer); }, parts_.now_s));
  }

  Result<void> warn_of(const Result<std::string>& trouble) {
    if (!trouble) return fail(trouble.error());
    if (is_root_ && !trouble->empty()) parts_.reporter.report(ReportWarning{*trouble});
    return {};
  }

  Result<void> start_seal() {
    is_seal_wanted_ = false;
    if (sealed_step_ == steps()) return {};  // asked for what is there already
    const storage::SetHeader header = this->header();
    warn_of_missing_metric(header);
    started_s_ = parts_.now_s();
    auto started = parts_.store.start_seal(
        parts_.comm, header, [&](StateWriter& writer) { return parts_.kind.checkpoint(writer); });
    if (!started) return fail(std::move(started).error().within(activity(steps())));
    pending_.emplace(std::move(*started));
    pending_step_ = steps();
    const double now_s = parts_.now_s();
    blocked_s_ = now_s - started_s_;
    schedule_.begun(now_s, steps());
    warn_of_no_copy(pending_->copy_trouble());
    return pending_->is_streamed() ? finish_seal() : Result<void>();  // all of it is written
  }

  void warn_of_no_copy(const std::string& trouble) {
    if (!is_root_ || trouble.empty() || std::exchange(has_warned_of_no_copy_, true)) return;
    parts_.reporter.report(
        ReportWarning{"the job stands still while its checkpoints are written: " + trouble});
  }

  Result<void> finish_seal() {
    const double finishing_s = parts_.now_s();
    auto sealed = parts_.store.finish_seal(parts_.comm, std::move(*pending_));
    pending_.reset();
    if (!sealed) return fail(std::move(sealed).error().within(activity(pending_step_)));
    sealed_step_ = pending_step_;
    levels_.sealed_above(started_s_ + blocked_s_, sealed_step_);
    if (!is_root_) return {};
    const double now_s = parts_.now_s();
    const double blocked_s = blocked_s_ + (now_s - finishing_s);
    const SealTimes times{.blocked_s = blocked_s,
                          .slowdown_s = slowdown_.take(sealed->write_s),
                          .seal_s = now_s - started_s_};
    schedule_.sealed(times);
    parts_.reporter.report(ReportSealed{.step = sealed_step_,
                                        .size_bytes = sealed->size_bytes,
                                        .seal_s = times.seal_s,
                                        .blocked_s = times.blocked_s,
                                        .slowdown_s = times.slowdown_s,
                                        .skipped = std::exchange(skipped_, 0),
                                        .plan = schedule_.plan(now_s)});
    if (setting_.retention == LoopSetting::Retention::at_once) prune();
    return {};
  }

  /// At the first seal only.
  void warn_of_missing_metric(const storage::SetHeader& header) {
    if (!is_root_ || std::exchange(is_metric_checked_, true)) return;
    if (auto what = missing_metric(setting_.checkpoint, header.step, header.metrics); !what.empty())
      parts_.reporter.report(ReportWarning{std::move(what)});
  }

  static std::string activity(std::int64_t step) {
    return "sealing the checkpoint of step " + std::to_string(step);
  }

  /// Once the newest set is in the log. Waits while one is being written: its folder is there.
  void prune_recorded() {
    if (!is_root_ || pending_) return;
    if (parts_.control.take_recorded()) prune();
  }

  void prune() {
    const CheckpointPolicy& policy = setting_.checkpoint;
    const storage::Retention retention{.keep = policy.keep,
                                       .keep_hourly = policy.keep_hourly,
                                       .best_metric = policy.best_metric,
                                       .best_is_highest = policy.best_is_highest};
    if (auto pruned = parts_.store.prune(retention, setting_.job, setting_.attempt); !pruned)
      parts_.reporter.report(
          ReportWarning{"old checkpoints stay: " + to_text(std::move(pruned).error())});
  }

  void report_progress() {
    reported_s_ = parts_.now_s();
    if (!is_root_) return;
    Progress progress = parts_.kind.progress();
    progress.metrics.insert(levels_.counts().begin(), levels_.counts().end());
    parts_.reporter.report(ReportProgress{std::move(progress)});
  }

  std::int64_t steps() const { return parts_.kind.steps(); }

  const LoopSetting& setting_;
  const LoopParts& parts_;
  const bool is_root_;
  std::int64_t sealed_step_;
  const SpecFacts facts_;
  CheckpointSchedule schedule_;  ///< rank 0's decides
  LevelSeals levels_;
  Slowdown slowdown_;  ///< rank 0's counts
  std::optional<double> step_began_s_;
  std::int64_t skipped_ = 0;  ///< since the newest sealed set
  PreviewSchedule previews_;  ///< rank 0's decides
  bool has_preview_ = false;
  double reported_s_;
  bool is_seal_wanted_ = false;
  bool is_metric_checked_ = false;
  std::optional<storage::PendingSeal> pending_;
  std::int64_t pending_step_ = -1;
  double started_s_ = 0;
  double blocked_s_ = 0;  ///< by start_seal of the pending one
  bool has_warned_of_no_copy_ = false;
};

}  // namespace

Result<LoopEnd> run_loop(const LoopSetting& setting, const LoopParts& parts) {
  return Loop(setting, parts).run();
}

}  // namespace sovren::workers
