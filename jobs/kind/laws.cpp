// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/laws.h"

#include <algorithm>
#include <array>
#include <vector>

#include "jobs/kind/law_life.h"

namespace sovren::jobs {

namespace {

std::string say(const std::string& when, const std::string& what) {
  return what.empty() ? "" : when + ": " + what;
}

std::string restored_anywhere(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  if (whole.states.size() < 4) return "the subject has too few steps to show anything";
  for (std::size_t i = 0; i < whole.states.size(); ++i) {
    const Trace rest =
        live(subject, run, {.from = from_memory(whole.states[i].get()), .keeps_states = true});
    const std::string broken = difference(whole, rest);
    if (!broken.empty()) return say("restored at step " + std::to_string(whole.steps[i]), broken);
  }
  return "";
}

std::string stopped_at_every_boundary(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  std::unique_ptr<MemoryState> state;
  for (std::int64_t step = 1;; ++step) {
    Trace life = live(subject, run,
                      {.from = state ? from_memory(state.get()) : nullptr, .stop_after = step});
    const std::string broken = difference(whole, life);
    if (!broken.empty()) return say("stopped at step " + std::to_string(step), broken);
    if (life.outcome) return "";
    state = std::move(life.states.back());
  }
}

std::string other_rank_counts(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  std::size_t at = 0;
  for (const int before : rank_counts) {
    const Trace first = live(subject, run, {.ranks = before, .keeps_states = true});
    const std::string broken = difference(whole, first);
    if (!broken.empty()) return say("on " + std::to_string(before) + " ranks", broken);
    for (const int after : rank_counts) {
      at = (at + 3) % first.states.size();
      const Trace rest =
          live(subject, run,
               {.ranks = after, .from = from_memory(first.states[at].get()), .keeps_states = true});
      const std::string difference_after = difference(whole, rest);
      if (!difference_after.empty())
        return say("from " + std::to_string(before) + " to " + std::to_string(after) +
                       " ranks at step " + std::to_string(first.steps[at]),
                   difference_after);
    }
  }
  return "";
}

std::string threads_change_nothing(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  for (const int threads : {2, 3}) {
    const Trace threaded = live(subject, run, {.threads = threads, .keeps_states = true});
    const std::string broken = difference(whole, threaded);
    if (!broken.empty()) return say("with " + std::to_string(threads) + " threads", broken);
  }
  return "";
}

std::string checkpoint_changes_nothing(const LawSubject& subject, const RunRanks& run) {
  const Trace with = live(subject, run, {.keeps_states = true});
  const Trace without = live(subject, run, {});
  return difference(with, without);
}

std::string progress_never_falls(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  const auto check = [](const Trace& trace, double from) -> std::string {
    double before = from;
    for (const Progress& progress : trace.progress) {
      const std::string at = "at step " + std::to_string(progress.step);
      if (!(progress.fraction >= 0 && progress.fraction <= 1)) return at + " it is outside [0, 1]";
      if (progress.fraction < before) return at + " it falls";
      if (progress.total > 0 && progress.done > progress.total) return at + " done exceeds total";
      before = progress.fraction;
    }
    return before == 1 ? "" : "it does not end at 1";
  };
  if (const std::string broken = check(whole, 0); !broken.empty()) return broken;
  const std::size_t half = whole.states.size() / 2;
  const Trace rest = live(subject, run, {.from = from_memory(whole.states[half].get())});
  if (!rest.broken.empty()) return rest.broken;
  return say("after a restore", check(rest, whole.progress[half].fraction));
}

std::string steps_are_bounded(const LawSubject& subject, const RunRanks& run) {
  constexpr double step_s_max =
      10;  // subjects are small: 2 s on a loaded machine, in a debug build
  const Trace whole = live(subject, run, {});
  if (!whole.broken.empty()) return whole.broken;
  const auto longest = std::max_element(whole.step_s.begin(), whole.step_s.end());
  if (longest == whole.step_s.end()) return "the job has no steps";
  return *longest <= step_s_max ? "" : "a step took " + std::to_string(*longest) + " s";
}

}  // namespace

std::span<const Law> laws() {
  static const std::vector<Law> all{
      {"RestoredAnywhereItEndsTheSame", restored_anywhere},
      {"StoppedAtEveryBoundaryItEndsTheSame", stopped_at_every_boundary},
      {"OtherRankCountsGiveTheSameBits", other_rank_counts},
      {"ThreadsChangeNothing", threads_change_nothing},
      {"CheckpointChangesNothing", checkpoint_changes_nothing},
      {"ProgressNeverFalls", progress_never_falls},
      {"StepsAreBounded", steps_are_bounded},
  };
  return all;
}

}  // namespace sovren::jobs
