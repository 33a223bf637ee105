// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/laws.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "jobs/kind/job_kind.h"
#include "jobs/kind/memory_state.h"

namespace sovren::jobs {

namespace {

constexpr std::int64_t steps_max = 10000;  // a kind whose steps never end is not waited for

/// One life of a job: from the start or from a state, for some steps or to the end.
struct Life {
  int ranks = 1;
  int threads = 1;
  MemoryState* from = nullptr;   ///< none: init()
  std::int64_t stop_after = -1;  ///< completed steps; -1: to the end
  bool keeps_states = false;     ///< takes a checkpoint at every boundary
};

struct Trace {
  std::string broken;                                ///< empty: all calls succeeded
  std::vector<std::unique_ptr<MemoryState>> states;  ///< at each boundary; or only the last
  std::vector<std::int64_t> steps;                   ///< of each state
  std::vector<Progress> progress;                    ///< at each boundary
  std::vector<double> step_s;
  std::optional<Outcome> outcome;  ///< of rank 0, when the job came to its end
};

std::string first_line(const Error& error) {
  return to_text(error);
}

/// Runs one life; rank 0 records the trace.
class Living {
 public:
  Living(const LawSubject& subject, const Life& life) : subject_(subject), life_(life) {}

  void rank(Communicator& comm) {
    const Result<void> lived = live(comm);
    if (lived) return;
    const std::lock_guard lock(mutex_);
    if (trace.broken.empty()) trace.broken = first_line(lived.error());
  }
  Trace trace;

 private:
  Result<void> live(Communicator& comm) {
    const Setting setting{comm, life_.threads, Backend::cpu};
    SOVREN_TRY(kind, subject_.make(subject_.spec, setting));
    SOVREN_DO(kind->load());
    if (life_.from != nullptr)
      SOVREN_DO(kind->restore(*life_.from));
    else
      SOVREN_DO(kind->init());
    while (true) {
      const bool is_last = kind->done() || kind->steps() == life_.stop_after;
      if (comm.rank() == 0) trace.progress.push_back(kind->progress());
      if (life_.keeps_states || (is_last && !kind->done())) SOVREN_DO(record(*kind, comm));
      if (is_last) break;
      if (kind->steps() > steps_max) return fail({.what = "the job does not end"});
      const auto before = std::chrono::steady_clock::now();
      const std::int64_t steps = kind->steps();
      SOVREN_DO(kind->step());
      if (kind->steps() != steps + 1) return fail({.what = "a step counts for one"});
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - before;
      if (comm.rank() == 0) trace.step_s.push_back(took.count());
    }
    if (!kind->done()) return {};
    SOVREN_TRY(outcome, kind->finish());
    if (comm.rank() == 0) trace.outcome = std::move(outcome);
    return {};
  }

  Result<void> record(const JobKind& kind, Communicator& comm) {
    if (comm.rank() == 0) {
      trace.states.push_back(std::make_unique<MemoryState>());
      trace.steps.push_back(kind.steps());
    }
    SOVREN_DO(comm.barrier());
    MemoryState& state = *trace.states.back();  // rank 0 adds no other before the next barrier
    const Result<void> put = kind.checkpoint(state);
    SOVREN_DO(comm.barrier());
    SOVREN_DO(put);
    return state.complete();
  }

  const LawSubject& subject_;
  const Life life_;
  std::mutex mutex_;
};

Trace live(const LawSubject& subject, const RunRanks& run, const Life& life) {
  Living living(subject, life);
  run(life.ranks, [&](Communicator& comm) { living.rank(comm); });
  if (living.trace.broken.empty() && life.stop_after < 0 && !living.trace.outcome)
    living.trace.broken = "the job came to no end";
  return std::move(living.trace);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// How two outcomes differ in what the result is; metrics may hold times and are not compared.
std::string difference(const Outcome& a, const Outcome& b) {
  if (a.digest.size() != 64) return "the digest is no SHA-256";
  if (a.digest != b.digest) return "the digests differ";
  if (a.files.size() != b.files.size()) return "the numbers of result files differ";
  for (std::size_t i = 0; i < a.files.size(); ++i)
    if (a.files[i].name != b.files[i].name ||
        (a.files[i].content == ResultFile::Content::result && a.files[i].bytes != b.files[i].bytes))
      return "the result file " + a.files[i].name + " differs";
  return "";
}

/// How a later life differs from the whole one: its outcome, and each state by the step it is of.
std::string difference(const Trace& whole, const Trace& life) {
  if (!life.broken.empty()) return life.broken;
  for (std::size_t i = 0; i < life.states.size(); ++i) {
    const auto at = std::find(whole.steps.begin(), whole.steps.end(), life.steps[i]);
    if (at == whole.steps.end()) return "step " + std::to_string(life.steps[i]) + " is new";
    const auto differing =
        whole.states[static_cast<std::size_t>(at - whole.steps.begin())]->difference(
            *life.states[i]);
    if (!differing.empty())
      return "after step " + std::to_string(life.steps[i]) +
             " these arrays differ: " + joined(differing);
  }
  return life.outcome ? difference(*whole.outcome, *life.outcome) : "";
}

std::string say(const std::string& when, const std::string& what) {
  return what.empty() ? "" : when + ": " + what;
}

std::string restored_anywhere(const LawSubject& subject, const RunRanks& run) {
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  if (whole.states.size() < 4) return "the subject has too few steps to show anything";
  for (std::size_t i = 0; i < whole.states.size(); ++i) {
    const Trace rest = live(subject, run, {.from = whole.states[i].get(), .keeps_states = true});
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
    Trace life = live(subject, run, {.from = state.get(), .stop_after = step});
    const std::string broken = difference(whole, life);
    if (!broken.empty()) return say("stopped at step " + std::to_string(step), broken);
    if (life.outcome) return "";
    state = std::move(life.states.back());
  }
}

std::string other_rank_counts(const LawSubject& subject, const RunRanks& run) {
  constexpr int ranks_max = 4;
  const Trace whole = live(subject, run, {.keeps_states = true});
  if (!whole.broken.empty()) return whole.broken;
  for (int before = 1; before <= ranks_max; ++before) {
    const Trace first = live(subject, run, {.ranks = before, .keeps_states = true});
    const std::string broken = difference(whole, first);
    if (!broken.empty()) return say("on " + std::to_string(before) + " ranks", broken);
    for (int after = 1; after <= ranks_max; ++after)
      for (const std::size_t part : {first.states.size() / 4, first.states.size() * 3 / 4}) {
        const Trace rest = live(
            subject, run, {.ranks = after, .from = first.states[part].get(), .keeps_states = true});
        const std::string difference_after = difference(whole, rest);
        if (!difference_after.empty())
          return say("from " + std::to_string(before) + " to " + std::to_string(after) +
                         " ranks at step " + std::to_string(first.steps[part]),
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
  const Trace rest = live(subject, run, {.from = whole.states[half].get()});
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
