// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/node_map.h"
#include "storage/checkpoint/set_folder.h"

namespace sovren::storage {

/// A level of checkpoints below the shared one.
struct LevelSetting {
  std::string name;        ///< "memory" or "local"
  std::string folder;      ///< of this job on this rank's node: level_folder.h
  std::string node;        ///< name of the node; ranks with the same name see the same folder
  std::string shared_dir;  ///< the "checkpoints" folder, whose fence holds here too
  int keep = 2;            ///< newest sets
};

/// A set of a level that is being written in the background. As PendingSeal.
class PendingLevelSeal {
 public:
  struct State;
  explicit PendingLevelSeal(std::unique_ptr<State> state);
  PendingLevelSeal(PendingLevelSeal&&) noexcept;
  PendingLevelSeal& operator=(PendingLevelSeal&&) noexcept;
  ~PendingLevelSeal();
  bool is_written() const;

 private:
  friend class LevelStore;
  std::unique_ptr<State> state_;
};

/// Checkpoint sets in the memory (tmpfs) or on the disks of the nodes that a job runs on.
///
/// Model    A folder per node, with sets in the format of the shared ones: each has the whole
/// manifest, but only the shards of this node's ranks and copies of those of the node before it
/// (node_map.h). A set can be restored when each of its shards is whole on some node of the attempt
/// at hand; that one is not is nothing unusual.
/// Covers   the death of processes; of any one node, where there are several; in memory not the
/// loss of power of two neighbours.
/// Order    vote: all have written and fsynced -> on each node: MANIFEST.json, fsync, fsync folder,
/// rename, fsync parent -> vote. Sealed when the second is good; then older sets go.
/// Errors   storage_io (the set is abandoned), fenced, peer_lost, bug. The same on every rank.
/// Threads  all calls are collective; each rank has a store of its own.
class LevelStore {
 public:
  /// Makes the folders. above: the store of the job directory, which shares its memory for copies:
  /// one of the two seals at a time.
  static Result<LevelStore> open(Communicator& comm, LevelSetting setting, StoreSetting writing,
                                 const CheckpointStore& above);

  const std::string& name() const { return setting_.name; }

  /// As CheckpointStore::start_seal, finish_seal. start_seal also sends the shards to the
  /// neighbours.
  Result<PendingLevelSeal> start_seal(Communicator& comm, const SetHeader& header,
                                      const std::function<Result<void>(StateWriter&)>& fill);
  Result<SetInfo> finish_seal(Communicator& comm, PendingLevelSeal pending);

  /// On rank 0: the sets that nodes have, each once, and those whose manifest is damaged; elsewhere
  /// nothing. Their names say where they are: "memory/gen-000120".
  Result<std::vector<FoundSet>> find(Communicator& comm);

  /// Checks every shard of a set on every node, and gives each node those that it lacks. Returns
  /// the path of the set on this rank's node, where all of it can be read.
  /// Errors   storage_corrupt: some shard is whole nowhere; storage_io.
  Result<std::string> gather(Communicator& comm, const std::string& manifest_text);

  /// Deletes the folders, once the job needs them no more: after all ranks have come here.
  Result<void> remove(Communicator& comm);

 private:
  LevelStore(LevelSetting setting, StoreSetting writing, NodeMap nodes, int rank,
             std::shared_ptr<SealMemory> memory);
  Result<void> check_folders(Communicator& comm) const;
  bool is_leader() const { return nodes_.is_leader(rank_); }
  Result<std::string> copy_rows(PendingLevelSeal::State& state,
                                const std::function<Result<void>(StateWriter&)>& fill) const;
  Result<std::string> lay_out(PendingLevelSeal::State& state,
                              const std::vector<std::string>& parts) const;
  Result<void> exchange_shards(Communicator& comm, PendingLevelSeal::State& state,
                               const std::vector<std::string>& sizes);
  Result<std::string> commit(const PendingLevelSeal::State& state, const std::string& text) const;
  Result<void> prune() const;

  LevelSetting setting_;
  StoreSetting writing_;
  NodeMap nodes_;
  int rank_;
  std::shared_ptr<SealMemory> memory_;
};

}  // namespace sovren::storage
