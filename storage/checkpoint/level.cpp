// SPDX-License-Identifier: Apache-2.0
#include "storage/checkpoint/level.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/level_folder.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

namespace sovren::storage {
namespace {

constexpr std::string_view mark = "mark-";  // of a node in a folder that is being opened

}  // namespace

LevelStore::LevelStore(LevelSetting setting, StoreSetting writing, NodeMap nodes, int rank,
                       std::shared_ptr<SealMemory> memory)
    : setting_(std::move(setting)),
      writing_(std::move(writing)),
      nodes_(std::move(nodes)),
      rank_(rank),
      memory_(std::move(memory)) {}

Result<LevelStore> LevelStore::open(Communicator& comm, LevelSetting setting, StoreSetting writing,
                                    const CheckpointStore& above) {
  SOVREN_TRY(names, gather_texts(comm, setting.node));
  LevelStore store(std::move(setting), std::move(writing), map_nodes(names), comm.rank(),
                   above.memory_);
  const std::string& folder = store.setting_.folder;
  const auto make = [&]() -> Result<std::string> {
    if (store.is_leader()) SOVREN_DO(prepare_level_folder(folder));
    return std::string();
  };
  SOVREN_DO(gather_results(comm, make()));
  SOVREN_DO(store.check_folders(comm));
  return store;
}

/// Each node leaves a mark in its folder, and must see its own and no other: the ranks of a node
/// see the same folder, those of others do not.
Result<void> LevelStore::check_folders(Communicator& comm) const {
  SOVREN_TRY(nonces, gather_texts(comm, nonce()));
  const std::string all = std::string(mark) + nonces.front() + "-";
  const std::string mine = all + std::to_string(nodes_.node_of[static_cast<std::size_t>(rank_)]);
  const auto leave = [&]() -> Result<std::string> {
    const std::string path = setting_.folder + "/" + mine;
    if (is_leader() && system_calls().mkdir(path.c_str(), 0700) != 0)
      return fail(io_error("make the folder", path, errno));
    return std::string();
  };
  SOVREN_DO(gather_results(comm, leave()));
  const auto look = [&]() -> Result<std::string> {
    SOVREN_TRY(names, list_directory(setting_.folder));
    std::erase_if(names, [&](const std::string& name) { return !name.starts_with(all); });
    if (names == std::vector{mine}) return std::string();
    return fail({.code = Code::storage_io,
                 .what = names.size() > 1 ? "the nodes see the same folder '" + setting_.folder +
                                                "': it is no disk of their own"
                                          : "the ranks of node " + setting_.node +
                                                " do not all see '" + setting_.folder + "'",
                 .hint = "",
                 .where = setting_.folder});
  };
  const auto seen = gather_results(comm, look());
  if (is_leader()) static_cast<void>(remove_tree(setting_.folder + "/" + mine));
  if (!seen) return fail(seen.error());
  return {};
}

Result<void> LevelStore::prune() const {
  SOVREN_TRY(sets, find_sets(setting_.folder));
  // What is damaged counts as the newest, and is of no use here.
  std::stable_partition(sets.begin(), sets.end(),
                        [](const FoundSet& set) { return set.manifest.has_value(); });
  const std::size_t keep = static_cast<std::size_t>(std::max(setting_.keep, 1));
  for (std::size_t i = 0; i < sets.size(); ++i)
    if (i >= keep || !sets[i].manifest) SOVREN_DO(remove_set(setting_.folder, sets[i].name));
  SOVREN_TRY(names, list_directory(setting_.folder));
  for (const std::string& name : names)
    if (is_unfinished_name(name) || name.starts_with(mark))
      SOVREN_DO(remove_tree(setting_.folder + "/" + name));
  return {};
}

Result<std::vector<FoundSet>> LevelStore::find(Communicator& comm) {
  // Of each set its name and manifest, or an empty text and why there is none.
  std::vector<std::string> mine;
  if (is_leader()) {
    auto sets = find_sets(setting_.folder);
    if (!sets) mine = {"", "", sets.error().what};
    for (FoundSet& set : sets.value_or(std::vector<FoundSet>()))
      mine.insert(mine.end(), {set.name, set.manifest ? set.text : "", set.error.what});
  }
  const std::string packed = pack(mine);
  SOVREN_TRY(all, comm.gather(std::as_bytes(std::span(packed.data(), packed.size())), 0));
  SOVREN_TRY(nodes, gather_texts(comm, setting_.node));
  std::map<std::string, FoundSet> whole;
  std::vector<FoundSet> found;
  for (std::size_t rank = 0; rank < all.size(); ++rank) {
    const std::vector<std::string> told =
        unpack(std::string_view(reinterpret_cast<const char*>(all[rank].data()), all[rank].size()));
    for (std::size_t i = 0; i + 2 < told.size(); i += 3) {
      FoundSet set{.name = setting_.name + "/" + told[i],
                   .path = setting_.folder + "/" + told[i],
                   .text = told[i + 1],
                   .manifest = {},
                   .error = {},
                   .job = {}};
      auto manifest = parse_manifest(set.text, set.name);
      if (manifest) {
        set.job = manifest->header.job;
        set.manifest = std::move(*manifest);
        whole.try_emplace(told[i + 1], std::move(set));
      } else {
        set.error = {.code = Code::storage_corrupt,
                     .what = "on node " + nodes[rank] + ": " + told[i + 2],
                     .hint = "",
                     .where = set.path};
        found.push_back(std::move(set));
      }
    }
  }
  for (auto& [text, set] : whole) found.push_back(std::move(set));
  return found;
}

Result<void> LevelStore::remove(Communicator& comm) {
  SOVREN_DO(comm.barrier());
  if (!is_leader()) return {};
  return remove_tree(setting_.folder);
}

}  // namespace sovren::storage
