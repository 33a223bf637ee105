// SPDX-License-Identifier: Apache-2.0
#include "tests/fault/checkpoint/lives.h"

#include <cmath>
#include <fstream>
#include <set>
#include <vector>

#include "storage/checkpoint/set_folder.h"
#include "tests/fault/checkpoint/life.h"

namespace sovren::storage {
namespace {

constexpr const char* folder = "/checkpoints";

void flip_byte(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(3000);
  const auto byte = static_cast<char>(file.get() ^ 1);
  file.seekp(3000);
  file.put(byte);
}

Result<std::int64_t> restore_step(const std::string& dir) {
  SOVREN_TRY(restored, restore_sample(dir));
  return restored.result ? restored.result->set.header.step : 0;
}

/// One attempt on so many ranks.
Result<void> live_attempt(const std::string& dir, int attempt, int ranks, Trace& trace,
                          const StoreSetting& setting = {}) {
  std::vector<Result<void>> lived(static_cast<std::size_t>(ranks));
  const auto live = [&](Communicator& comm) {
    lived[static_cast<std::size_t>(comm.rank())] = live_one_attempt(
        dir, attempt, comm,
        [&](std::int64_t step) {
          trace.promise("sealed", {step});
          trace.promise("kept", {step - 1, step});
        },
        setting);
  };
  if (ranks == 1)
    live(*workers::make_self_communicator());
  else
    workers::run_on_threads(ranks, 60, live);
  // Why it failed is what a rank says that did not only lose another.
  for (const Result<void>& each : lived)
    if (!each && each.error().code != Code::peer_lost) return each;
  return lived.front();
}

/// Sets of steps 1 to 6 of which all but the newest two go; and a step that is sealed again.
Result<void> live_retention(const std::string& dir, Trace& trace) {
  trace.promise("sealed", {6});
  trace.promise("kept", {5, 6});
  SOVREN_TRY(store, CheckpointStore::open(dir));
  SOVREN_DO(store.prune({.keep = 2}, JobId{1}, 1));
  const auto comm = workers::make_self_communicator();
  SOVREN_DO(seal_sample(store, *comm, sample_header(6, 2)));
  trace.promise("kept", {6});
  return store.prune({.keep = 1}, JobId{1}, 2);
}

SetHeader dated_header(std::int64_t step) {
  SetHeader header = sample_header(step);
  header.sealed_at_s = 1.79e9 + 1800 * static_cast<double>(step);
  header.metrics = {{"loss", std::abs(static_cast<double>(step) - 2.25)}};
  return header;
}

Result<void> prepare_dated(const std::string& dir) {
  for (std::int64_t step = 1; step <= 8; ++step) SOVREN_DO(seal_sample(dir, dated_header(step)));
  return {};
}

/// The newest two, the newest of each of three hours, and the best.
Result<void> live_dated_retention(const std::string& dir, Trace& trace) {
  const Retention retention{.keep = 2, .keep_hourly = 3, .best_metric = "loss"};
  trace.promise("sealed", {8});
  trace.promise("kept", {2, 5, 7, 8});
  SOVREN_TRY(store, CheckpointStore::open(dir));
  SOVREN_DO(store.prune(retention, JobId{1}, 1));
  const auto comm = workers::make_self_communicator();
  SOVREN_DO(seal_sample(store, *comm, dated_header(9)));
  trace.promise("sealed", {9});
  trace.promise("kept", {2, 7, 8, 9});
  return store.prune(retention, JobId{1}, 1);
}

/// The newest two are damaged, and quarantine has old ones already.
Result<void> live_quarantine(const std::string& dir, Trace& trace) {
  trace.promise("sealed", {2});
  trace.promise("newest", {2});
  SOVREN_DO(restore_step(dir));
  SOVREN_TRY(store, CheckpointStore::open(dir));
  return store.prune({.keep = 1}, JobId{1}, 1);
}

/// A crash loop: after two restores of the newest set the one before is used.
Result<void> live_restores(const std::string& dir, Trace& trace) {
  trace.promise("sealed", {3});
  SOVREN_DO(restore_step(dir));
  trace.promise("sealed", {2});
  SOVREN_DO(restore_step(dir));
  trace.promise("newest", {2});
  SOVREN_TRY(step, restore_step(dir));
  if (step != 2) return fail({.code = Code::bug, .what = "the third restore is of the older set"});
  SOVREN_TRY(store, CheckpointStore::open(dir));
  trace.promise("newest", {3});
  return store.forget_restores();
}

Result<void> live_fences(const std::string& dir, Trace& trace) {
  trace.promise("sealed", {1});
  SOVREN_TRY(store, CheckpointStore::open(dir));
  for (const int attempt : {2, 3, 40, 500, 6000}) {
    SOVREN_DO(store.raise_fence(JobId{1}, attempt));
    trace.promise("fence", {attempt});
  }
  return {};
}

Result<void> seal_up_to(const std::string& dir, std::int64_t last) {
  for (std::int64_t step = 1; step <= last; ++step)
    SOVREN_DO(seal_sample(dir, sample_header(step)));
  return {};
}

Result<void> prepare_quarantine(const std::string& dir) {
  SOVREN_DO(seal_up_to(dir, 4));
  flip_byte(dir + "/gen-000003/shard-00000.h5");
  SOVREN_DO(remove_tree(dir + "/gen-000004/MANIFEST.json"));
  for (const std::string name : {"/quarantine/gen-000007", "/quarantine/gen-000008"})
    SOVREN_DO(make_directories(dir + name));
  return {};
}

/// Looks at a folder as the next attempt would.
Finding check_folder(const std::string& dir, const CrashState& state,
                     const StoreSetting& setting = {}) {
  const Promises& promises = state.promises;
  if (promises.contains("kept")) {
    std::set<std::int64_t> whole;
    std::vector<RejectedSet> rejected;
    const auto sets = list_sets(dir, rejected);
    if (!sets) return {Verdict::nothing, to_text(sets.error())};
    for (const SetInfo& set : *sets)
      if (verify_set(set.path)) whole.insert(set.header.step);
    for (const std::int64_t step : promises.at("kept"))
      if (!whole.contains(step)) return {Verdict::lost, "no set of step " + std::to_string(step)};
  }
  if (promises.contains("fence")) {
    const auto attempt = static_cast<int>(state.promised("fence", 0));
    const auto fenced = check_fence(dir, {JobId{1}, attempt - 1});
    if (fenced) return {Verdict::lost, "the fence is gone"};
    if (fenced.error().code != Code::fenced) return {Verdict::nothing, to_text(fenced.error())};
  }
  Finding finding =
      restore_in(dir, state.promised("sealed", 0), state.promised("newest", INT64_MAX), setting);
  if (finding.verdict != Verdict::good || state.number % 8 != 0) return finding;
  // The next attempt finds its way through what was left.
  const auto comm = workers::make_self_communicator();
  const auto lived = live_one_attempt(
      dir, 10'000, *comm, [](std::int64_t) {}, setting);
  if (!lived) return {Verdict::nothing, "the next attempt: " + to_text(lived.error())};
  return restore_in(dir, 2, INT64_MAX, setting);
}

Life life_of(std::string name, Result<void> (*prepare)(const std::string& dir),
             std::function<Result<void>(const std::string& dir, Trace& trace)> live) {
  return {.name = std::move(name),
          .prepare = [prepare](const std::string& root) { return prepare(root + folder); },
          .live = [live = std::move(live)](const std::string& root,
                                           Trace& trace) { return live(root + folder, trace); },
          .check = [](const std::string& root,
                      const CrashState& state) { return check_folder(root + folder, state); }};
}

}  // namespace

std::string writer_of(const std::string& path) {
  const std::size_t at = path.find("/shard-");
  return at == std::string::npos ? "" : path.substr(at);
}

Life attempt_on(int ranks) {
  return life_of("seal, " + std::to_string(ranks) + (ranks == 1 ? " rank" : " ranks"),
                 &prepare_life, [ranks](const std::string& dir, Trace& trace) {
                   trace.promise("sealed", {2});
                   return live_attempt(dir, 2, ranks, trace);
                 });
}

Life attempt_with(const std::string& name, const StoreSetting& setting) {
  return {.name = name,
          .prepare = [](const std::string& root) { return prepare_life(root + folder); },
          .live =
              [setting](const std::string& root, Trace& trace) {
                trace.promise("sealed", {2});
                return live_attempt(root + folder, 2, 1, trace, setting);
              },
          .check =
              [setting](const std::string& root, const CrashState& state) {
                return check_folder(root + folder, state, setting);
              }};
}

Life recovery_from(const CrashState& state, const Life& before) {
  Life life = before;
  life.name = "recovery, " + before.name.substr(6);
  const int ranks = before.name.ends_with("rank") ? 1 : 2;
  life.prepare = [image = state.image](const std::string& root) -> Result<void> {
    write_image(image, root);
    return {};
  };
  // A set that was restored twice would be passed over: another life is about that.
  life.check = [check = before.check](const std::string& root, const CrashState& cut) -> Finding {
    if (const auto cleared = clear_restores(root + folder); !cleared)
      return {Verdict::nothing, to_text(cleared.error())};
    return check(root, cut);
  };
  life.live = [ranks, promises = state.promises](const std::string& root, Trace& trace) {
    for (const auto& [name, numbers] : promises) trace.promise(name, numbers);
    return live_attempt(root + folder, 3, ranks, trace);
  };
  return life;
}

Life retention_life() {
  return life_of(
      "retention", [](const std::string& dir) { return seal_up_to(dir, 6); }, &live_retention);
}

Life dated_retention_life() {
  return life_of("retention, hours and best", &prepare_dated, &live_dated_retention);
}

Life quarantine_life() {
  return life_of("quarantine", &prepare_quarantine, &live_quarantine);
}

Life restore_life() {
  return life_of(
      "restore", [](const std::string& dir) { return seal_up_to(dir, 3); }, &live_restores);
}

Life fence_life() {
  return life_of(
      "fence", [](const std::string& dir) { return seal_up_to(dir, 1); }, &live_fences);
}

}  // namespace sovren::storage
