// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/levels.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/level_folder.h"

namespace sovren::workers {
namespace {

std::string node_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "localhost";
  return name.data();
}

bool is_fatal(const Error& error) {
  return error.code == Code::peer_lost || error.code == Code::bug;
}

}  // namespace

Result<std::vector<JobLevel>> open_levels(Communicator& comm, const CheckpointPolicy& policy,
                                          const std::string& checkpoint_dir,
                                          const storage::StoreSetting& writing,
                                          const storage::CheckpointStore& above,
                                          const std::function<void(std::string)>& warn) {
  struct Wanted {
    std::string name;
    std::string base;
    CheckpointInterval interval;
  };
  std::vector<Wanted> all;
  constexpr auto off = CheckpointInterval::Mode::off;
  if (policy.memory_interval.mode != off)
    all.push_back({"memory", storage::memory_base, policy.memory_interval});
  if (!policy.local_dir.empty() && policy.local_interval.mode != off)
    all.push_back({"local", policy.local_dir, policy.local_interval});
  std::vector<JobLevel> levels;
  if (all.empty()) return levels;
  if (policy.mode == CheckpointPolicy::Writing::sync) {
    warn(
        "there are no checkpoints but in the job directory: others need a copy of the state, and "
        "[checkpoint] mode = \"sync\" makes none");
    return levels;
  }

  SOVREN_TRY(id,
             storage::decide_on_rank_0(comm, [&] { return storage::level_id(checkpoint_dir); }));
  for (const Wanted& wanted : all) {
    auto store = [&]() -> Result<storage::LevelStore> {
      SOVREN_TRY(folders, storage::gather_results(
                              comm, storage::level_folder(wanted.base, checkpoint_dir, id)));
      return storage::LevelStore::open(comm,
                                       {.name = wanted.name,
                                        .folder = folders[static_cast<std::size_t>(comm.rank())],
                                        .node = node_name(),
                                        .shared_dir = checkpoint_dir},
                                       writing, above);
    }();
    if (store) {
      levels.push_back({std::move(*store), wanted.interval});
      continue;
    }
    if (is_fatal(store.error())) return fail(std::move(store).error());
    warn("there are no checkpoints at the level " + wanted.name + ": " + to_text(store.error()));
  }
  return levels;
}

}  // namespace sovren::workers
