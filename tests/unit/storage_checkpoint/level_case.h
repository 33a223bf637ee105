// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "storage/checkpoint/level.h"
#include "storage/checkpoint/level_folder.h"
#include "tests/unit/storage_checkpoint/sample.h"

namespace sovren::storage {

/// Ranks of this process that pretend to be on several nodes: each node has a folder of its own.
class LevelCase : public CheckpointTest {
 protected:
  using Nodes = std::vector<int>;  ///< of each rank, its node
  using Body = std::function<void(Communicator&, CheckpointStore&, LevelStore&)>;

  void SetUp() override {
    CheckpointTest::SetUp();
    ASSERT_TRUE(make_directories(dir_));
    const auto id = level_id(dir_);
    ASSERT_TRUE(id) << to_text(id.error());
    id_ = *id;
  }

  /// The level's folder of a node.
  std::string folder(int node, const std::string& level = "memory") const {
    return *level_folder(root_ + "/" + level + "-" + std::to_string(node), dir_, id_);
  }
  std::string shard(int node, std::int64_t step, int rank) const {
    return folder(node) + "/" + set_name(step, 1) + "/" + shard_file_name(rank);
  }
  LevelSetting setting(int node, const std::string& level = "memory") const {
    return {.name = level,
            .folder = folder(node, level),
            .node = "n" + std::to_string(node),
            .shared_dir = dir_};
  }
  void lose(int node) const { ASSERT_TRUE(remove_tree(folder(node))); }

  void on_nodes(const Nodes& nodes, const Body& body) const {
    workers::run_on_threads(static_cast<int>(nodes.size()), 60, [&](Communicator& comm) {
      auto store = CheckpointStore::open(dir_, writing_);
      ASSERT_TRUE(store);
      auto level = LevelStore::open(comm, setting(nodes[static_cast<std::size_t>(comm.rank())]),
                                    writing_, *store);
      ASSERT_TRUE(level) << to_text(level.error());
      body(comm, *store, *level);
    });
  }

  static Result<SetInfo> seal_level(Communicator& comm, LevelStore& level,
                                    const SetHeader& header) {
    const auto state = sample_state(header.step);
    SOVREN_TRY(pending, level.start_seal(comm, header, [&](StateWriter& writer) {
      return put_share(writer, state, comm.rank(), comm.size());
    }));
    return level.finish_seal(comm, std::move(pending));
  }

  /// Seals at the level; with `shared`, in the job directory.
  enum class Where { level, shared };
  void seal(const Nodes& nodes, const SetHeader& header, Where where = Where::level) const {
    on_nodes(nodes, [&](Communicator& comm, CheckpointStore& store, LevelStore& level) {
      const auto sealed = where == Where::level ? seal_level(comm, level, header)
                                                : seal_sample(store, comm, header);
      ASSERT_TRUE(sealed) << to_text(sealed.error());
    });
  }

  struct Outcome {
    std::string name;  ///< empty: nothing was found
    std::vector<RejectedSet> rejected;
  };
  /// What is restored, which every rank finds whole.
  Outcome restore(const Nodes& nodes, JobId oldest = JobId{1}) const {
    Outcome outcome;
    on_nodes(nodes, [&](Communicator& comm, CheckpointStore& store, LevelStore& level) {
      std::vector<RejectedSet> rejected;
      LevelStore* const levels[] = {&level};
      auto found = store.restore_newest(comm, sample_header(0).facts, oldest, rejected, levels);
      ASSERT_TRUE(found) << to_text(found.error());
      if (*found) expect_state(*(*found)->reader, sample_state((*found)->set.header.step));
      if (comm.rank() != 0) return;
      if (*found) outcome.name = (*found)->set.name;
      outcome.rejected = rejected;
    });
    return outcome;
  }

  static void flip_byte(const std::string& path, std::size_t at) {
    auto text = read_file(path);
    ASSERT_TRUE(text) << to_text(text.error());
    (*text)[at] = static_cast<char>((*text)[at] ^ 1);
    ASSERT_TRUE(write_file_atomic(path, *text));
  }

  std::string id_;
  StoreSetting writing_;
};

}  // namespace sovren::storage
