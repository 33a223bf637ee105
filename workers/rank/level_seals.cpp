// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/level_seals.h"

#include <utility>

namespace sovren::workers {

LevelSeals::LevelSeals(std::span<JobLevel> levels, double mtbf_s, double recovery_s, double now_s,
                       std::int64_t step) {
  for (JobLevel& level : levels)
    levels_.push_back(
        {&level.store, CheckpointSchedule(level.interval, mtbf_s, recovery_s, now_s, step)});
}

std::int64_t LevelSeals::due(double now_s, std::int64_t step) const {
  if (pending_) return 0;
  for (std::size_t i = levels_.size(); i > 0; --i)
    if (!levels_[i - 1].is_off && levels_[i - 1].schedule.is_due(now_s, step))
      return static_cast<std::int64_t>(i);
  return 0;
}

Result<std::string> LevelSeals::give_up(Level& level, Error error) {
  if (error.code == Code::fenced || error.code == Code::peer_lost || error.code == Code::bug)
    return fail(std::move(error).within("sealing at the level " + level.store->name()));
  level.is_off = true;
  return "there are no more checkpoints at the level " + level.store->name() + ": " +
         to_text(error);
}

Result<std::string> LevelSeals::start(Communicator& comm, std::int64_t number,
                                      const storage::SetHeader& header, const Fill& fill,
                                      const std::function<double()>& now_s) {
  const double start_s = now_s();
  const auto index = static_cast<std::size_t>(number - 1);
  Level& level = levels_[index];
  auto started = level.store->start_seal(comm, header, fill);
  if (!started) return give_up(level, std::move(started).error());
  const double copied_s = now_s();
  level.schedule.begun(copied_s, header.step);
  pending_.emplace(Pending{std::move(*started), index, header.step, start_s, copied_s - start_s});
  return std::string();
}

Result<std::string> LevelSeals::finish(Communicator& comm, const std::function<double()>& now_s,
                                       Slowdown& slowdown) {
  Pending pending = std::move(*pending_);
  pending_.reset();
  Level& level = levels_[pending.level];
  const double finishing_s = now_s();
  auto sealed = level.store->finish_seal(comm, std::move(pending.set));
  const double slowed_s = slowdown.take(finishing_s - pending.started_s);
  if (!sealed) return give_up(level, std::move(sealed).error());
  counts_["checkpoints_" + level.store->name()] += 1;
  const double end_s = now_s();
  level.schedule.sealed({.blocked_s = pending.blocked_s + (end_s - finishing_s),
                         .slowdown_s = slowed_s,
                         .seal_s = end_s - pending.started_s});
  // What a level covers, the faster ones need not cover again.
  for (std::size_t i = 0; i < pending.level; ++i)
    levels_[i].schedule.begun(pending.started_s + pending.blocked_s, pending.step);
  return std::string();
}

void LevelSeals::sealed_above(double now_s, std::int64_t step) {
  for (Level& level : levels_) level.schedule.begun(now_s, step);
}

}  // namespace sovren::workers
