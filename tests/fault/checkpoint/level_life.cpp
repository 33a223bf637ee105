// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "storage/checkpoint/level.h"
#include "storage/checkpoint/level_folder.h"
#include "tests/fault/checkpoint/life.h"
#include "tests/fault/checkpoint/lives.h"

namespace sovren::storage {
namespace {

constexpr int nodes = 2;  ///< with a rank each

std::string shared_of(const std::string& root) {
  return root + "/checkpoints";
}

Result<LevelStore> open_level(Communicator& comm, const std::string& root,
                              const CheckpointStore& store) {
  const std::string node = std::to_string(comm.rank());
  SOVREN_TRY(id, level_id(shared_of(root)));
  SOVREN_TRY(folder, level_folder(root + "/disk-" + node, shared_of(root), id));
  return LevelStore::open(comm,
                          {.name = "local",
                           .folder = folder,
                           .node = "n" + node,
                           .shared_dir = shared_of(root),
                           .keep = 2},
                          {}, store);
}

Result<void> seal_level(Communicator& comm, LevelStore& level, std::int64_t step) {
  const auto state = sample_state(step);
  SOVREN_TRY(pending, level.start_seal(comm, sample_header(step, 2), [&](StateWriter& writer) {
    return put_share(writer, state, comm.rank(), comm.size());
  }));
  SOVREN_DO(level.finish_seal(comm, std::move(pending)));
  return {};
}

/// Three sets on the disks of the nodes, one in the job's folder.
Result<void> live_rank(Communicator& comm, const std::string& root, Trace& trace) {
  SOVREN_TRY(store, CheckpointStore::open(shared_of(root)));
  if (comm.rank() == 0) SOVREN_DO(store.raise_fence(JobId{1}, 2));
  SOVREN_TRY(level, open_level(comm, root, store));
  for (const std::int64_t step : {2, 3, 4, 5}) {
    if (step == 4)
      SOVREN_DO(seal_sample(store, comm, sample_header(step, 2)));
    else
      SOVREN_DO(seal_level(comm, level, step));
    // Not before all know it: the rank that is asked may be the first to.
    SOVREN_DO(comm.barrier());
    if (comm.rank() == 0) trace.promise("sealed", {step});
    SOVREN_DO(comm.barrier());
  }
  return {};
}

/// On every rank a function of its own; the first that fails.
Result<void> on_ranks(const std::function<Result<void>(Communicator&)>& body) {
  std::array<Result<void>, nodes> done;
  workers::run_on_threads(nodes, 60, [&](Communicator& comm) {
    done[static_cast<std::size_t>(comm.rank())] = body(comm);
  });
  for (Result<void>& each : done)
    if (!each) return std::move(each);
  return {};
}

Finding check(const std::string& root, const CrashState& state) {
  std::array<Finding, nodes> found;
  const auto restored = on_ranks([&](Communicator& comm) -> Result<void> {
    SOVREN_TRY(store, CheckpointStore::open(shared_of(root)));
    SOVREN_TRY(level, open_level(comm, root, store));
    std::vector<RejectedSet> rejected;
    LevelStore* const levels[] = {&level};
    SOVREN_TRY(result,
               store.restore_newest(comm, sample_header(0).facts, JobId{1}, rejected, levels));
    Finding& mine = found[static_cast<std::size_t>(comm.rank())];
    if (!result) {
      mine = {Verdict::nothing, "there is no set"};
      return {};
    }
    const std::int64_t step = result->set.header.step;
    const std::string what = "step " + std::to_string(step) + " was restored";
    if (!holds_state(*result->reader, sample_state(step)))
      mine = {Verdict::wrong, what + ", and is not what was sealed"};
    else if (step < state.promised("sealed", 1))
      mine = {Verdict::lost, what};
    return {};
  });
  if (!restored) return {Verdict::nothing, to_text(restored.error())};
  return found[0].verdict == Verdict::good ? found[1] : found[0];
}

}  // namespace

Life level_life() {
  return {.name = "level, 2 nodes",
          .prepare = [](const std::string& root) -> Result<void> {
            SOVREN_DO(seal_sample(shared_of(root), sample_header(1)));
            SOVREN_DO(level_id(shared_of(root)));
            return {};
          },
          .live =
              [](const std::string& root, Trace& trace) {
                trace.promise("sealed", {1});
                return on_ranks([&](Communicator& comm) { return live_rank(comm, root, trace); });
              },
          .check = &check};
}

}  // namespace sovren::storage
