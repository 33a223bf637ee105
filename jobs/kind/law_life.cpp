// SPDX-License-Identifier: Apache-2.0
#include "jobs/kind/law_life.h"

#include <algorithm>
#include <chrono>
#include <mutex>

namespace sovren::jobs {
namespace {

constexpr std::int64_t steps_max = 10000;  // a kind whose steps never end is not waited for

/// Runs one life; rank 0 records the trace.
class Living {
 public:
  Living(const LawSubject& subject, const Life& life) : subject_(subject), life_(life) {}

  void rank(Communicator& comm) {
    const Result<void> lived = live(comm);
    if (lived) return;
    const std::lock_guard lock(mutex_);
    if (trace.broken.empty()) trace.broken = to_text(lived.error());
  }
  Trace trace;

 private:
  Result<void> live(Communicator& comm) {
    const Setting setting{comm, life_.threads, Backend::cpu};
    SOVREN_TRY(kind, subject_.make(subject_.spec, setting));
    SOVREN_DO(kind->load());
    SOVREN_DO(begin(*kind, comm));
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
    if (!kind->done()) return life_.stopped ? life_.stopped(comm, *kind) : Result<void>();
    SOVREN_TRY(outcome, kind->finish());
    if (comm.rank() == 0) trace.outcome = std::move(outcome);
    return {};
  }

  Result<void> begin(JobKind& kind, Communicator& comm) {
    if (!life_.from) return kind.init();
    SOVREN_TRY(reader, life_.from(comm));
    return kind.restore(*reader);
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

/// Gives what a state in memory has, to one rank.
class Borrowed : public StateReader {
 public:
  explicit Borrowed(MemoryState& state) : state_(state) {}
  Result<ArrayInfo> info(std::string_view name) const override { return state_.info(name); }
  Result<void> get(std::string_view name, Dtype dtype, Rows rows,
                   std::span<std::byte> out) override {
    return state_.get(name, dtype, rows, out);
  }

 private:
  MemoryState& state_;
};

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

}  // namespace

Trace live(const LawSubject& subject, const RunRanks& run, const Life& life) {
  Living living(subject, life);
  run(life.ranks, [&](Communicator& comm) { living.rank(comm); });
  if (living.trace.broken.empty() && life.stop_after < 0 && !living.trace.outcome)
    living.trace.broken = "the job came to no end";
  return std::move(living.trace);
}

std::function<Result<std::unique_ptr<StateReader>>(Communicator&)> from_memory(MemoryState* state) {
  return [state](Communicator&) -> Result<std::unique_ptr<StateReader>> {
    return std::make_unique<Borrowed>(*state);
  };
}

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

}  // namespace sovren::jobs
