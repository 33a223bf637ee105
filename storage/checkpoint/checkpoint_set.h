// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/id.h"
#include "core/base/result.h"
#include "core/model/spec_facts.h"
#include "core/port/communicator.h"
#include "core/port/state_io.h"
#include "storage/checkpoint/master_key.h"
#include "storage/checkpoint/shard_digest.h"

namespace sovren::storage {

/// What a set is of.
struct SetHeader {
  JobId job;
  int attempt = 0;
  std::int64_t step = 0;
  std::string kind;  ///< "causal-analysis"
  SpecFacts facts;
  double sealed_at_s = 0;                 ///< seconds since 1970, as rank 0 had it; 0: not known
  std::map<std::string, double> metrics;  ///< of the job at that step, for retention and people
};

/// How a store writes.
struct StoreSetting {
  /// async: from copies, while the job goes on. sync: without copies, while it stands still.
  enum class Writing { async, sync };
  Writing writing = Writing::async;
  DigestKind digest = DigestKind::sha256;
  std::int64_t copy_memory_bytes = 0;  ///< of this rank, for copies of its rows; 0: no limit
  std::optional<MasterKey> key;        ///< sets are encrypted, and encrypted ones can be read
};

/// Which sealed sets stay; each rule keeps its own.
struct Retention {
  int keep = 3;                  ///< newest sets; at least 1
  int keep_hourly = 0;           ///< the newest of each of the last so many hours
  std::string best_metric;       ///< the set at which this metric was best; empty: none
  bool best_is_highest = false;  ///< whether more is better
};

/// A sealed set as its manifest describes it.
struct SetInfo {
  SetHeader header;
  std::string name;  ///< "gen-000120"
  std::string path;
  std::int64_t size_bytes = 0;  ///< of all shards
  int shards = 0;
  double seal_s = 0;   ///< that this rank was blocked for by sealing; 0 for a set that was found
  double write_s = 0;  ///< that this rank wrote for, in the background or not; 0 likewise
  std::vector<ArrayInfo> arrays;
};

struct RejectedSet {
  std::string name;
  std::string why;
};

struct RestoreResult {
  SetInfo set;
  std::string level;  ///< "memory"; empty: the job directory
  std::unique_ptr<StateReader> reader;
};

/// A set that is being written in the background, from copies; see CheckpointStore::start_seal. Its
/// destruction waits for the writing to end; a set that was not finished is swept by the next
/// prune.
class PendingSeal {
 public:
  struct State;
  explicit PendingSeal(std::unique_ptr<State> state);
  PendingSeal(PendingSeal&&) noexcept;
  PendingSeal& operator=(PendingSeal&&) noexcept;
  ~PendingSeal();
  /// This rank has written its part, or failed to: finish_seal will not wait for it.
  bool is_written() const;
  /// This rank has failed to: finish_seal will tell how.
  bool has_failed() const;
  /// Was written while the job stood still, without a copy. The same on all ranks.
  bool is_streamed() const;
  /// Why it was, although it was to be copied; empty: it was not.
  const std::string& copy_trouble() const;

 private:
  friend class CheckpointStore;
  std::unique_ptr<State> state_;
};

struct SealMemory;
class LevelStore;

/// The checkpoint sets of one job directory: everything needed to resume a job at one step, written
/// by all ranks together.
///
/// Model    gen-N.tmp-A-X: being written -> gen-N: sealed. Only sealed sets are restored; the
/// rename is the last, atomic act. Order    write shards -> fsync each -> MANIFEST.json -> fsync ->
/// fsync dir -> rename -> fsync parent (DESIGN 8).
/// Fence    raise_fence(J, A) makes every seal of an attempt before A of job J, and of any job
/// before J, fail with fenced, also one that is under way.
/// Errors   storage_io (the set is abandoned, older ones stand), storage_corrupt, mismatch (facts
/// differ), fenced, peer_lost.
/// Threads  seal and restore are collective; each rank has a store of its own, used by one thread.
class CheckpointStore {
 public:
  /// dir: the "checkpoints" folder; made if it is not there.
  static Result<CheckpointStore> open(std::string dir, StoreSetting setting = {});

  /// Declares that only this attempt of this job (and later ones) may seal. Durable. Called by rank
  /// 0 before restoring. fenced when a later one has already said so.
  Result<void> raise_fence(JobId job, int attempt);

  /// Gets memory for copies of a state of the present size in the background, so that the first
  /// seal is as fast as the others. Collective; fill as in start_seal.
  /// Errors   refused: a rank's copies do not fit into its copy_memory.
  Result<void> prepare(Communicator& comm, const std::function<Result<void>(StateWriter&)>& fill);

  /// Writes and seals one set. Collective: fill puts this rank's rows.
  Result<SetInfo> seal(Communicator& comm, const SetHeader& header,
                       const std::function<Result<void>(StateWriter&)>& fill);

  /// The same in two halves, so that the job goes on while its state is written: start_seal returns
  /// when the rows are copied, finish_seal waits until all ranks have written, and seals. Both are
  /// collective. One at a time. Ranks wait for the slowest disk in finish_seal: the communicator's
  /// deadline must be longer than that.
  ///
  /// Without copies (Writing::sync, or a rank that has no memory for them) start_seal writes, too,
  /// and calls fill twice: for what there is, and for the rows, which go to the disk from where
  /// they are. So fill is the same each time, and puts the rows of an array in their order and
  /// without others in between; bug otherwise. What fill puts after a failure is ignored.
  Result<PendingSeal> start_seal(Communicator& comm, const SetHeader& header,
                                 const std::function<Result<void>(StateWriter&)>& fill);
  Result<SetInfo> finish_seal(Communicator& comm, PendingSeal pending);

  /// The newest set that verifies, of a job not before `oldest` and with these facts; nothing if
  /// there is none. Sets that do not verify are moved to quarantine/ and named in `rejected`; if
  /// then none is left, they stay where they are and it is an error: a job never starts over
  /// silently. A set that was restored twice without a seal after it is passed over when there is
  /// an older one. A set of other facts, or of a newer Sovren: mismatch, naming what differs.
  /// Sets of levels (level.h; the fastest first) are candidates too: the newest of all wins, of
  /// equal ones the faster. One that cannot be used is only named in `rejected`.
  /// Collective; every rank gets the same set.
  Result<std::optional<RestoreResult>> restore_newest(Communicator& comm, const SpecFacts& facts,
                                                      JobId oldest,
                                                      std::vector<RejectedSet>& rejected,
                                                      std::span<LevelStore* const> levels = {});

  /// The attempt ends in good order: that it restored a set is not held against the set. For an
  /// attempt that stops at the step it resumed from, and so seals nothing. Called by rank 0.
  Result<void> forget_restores();

  /// Deletes the sealed sets that no rule keeps (retention.h), and what dead attempts left half
  /// written. Called by rank 0 between seals; fenced when a later attempt has taken over.
  ///
  /// Safety   A set counts as kept only when its manifest is good and its files are there with
  /// their sizes, and nothing goes before the newest two that stay are proven: sealed by this store
  /// (every rank wrote and fsynced them), restored by it, or read and compared with their checksums
  /// now. So a running job reads no set again; one that took over reads at most two, once. Damage
  /// that comes later, on the disk, is the scrubber's to find.
  Result<void> prune(const Retention& retention, JobId job, int attempt);

 private:
  friend class LevelStore;
  CheckpointStore(std::string dir, StoreSetting setting);
  std::string dir_;
  StoreSetting setting_;
  std::shared_ptr<SealMemory> memory_;
};

// Without HDF5, for `sovren checkpoints` and the scheduler side:

/// Sealed sets of a "checkpoints" folder, newest first. A set whose manifest cannot be read is in
/// `rejected`.
Result<std::vector<SetInfo>> list_sets(const std::string& dir, std::vector<RejectedSet>& rejected);

/// The latest job that has worked in this "checkpoints" folder, by its fence and its sets; 0: none.
Result<JobId> latest_job(const std::string& dir);

/// Reads every byte of a set and compares sizes, SHA-256 and CRC32C with the manifest, and the
/// manifest with its own digest. key: none is needed; with the key of an encrypted set it is also
/// proven that nobody without the key has changed it. mismatch: it is another key.
Result<SetInfo> verify_set(const std::string& set_path,
                           const std::optional<MasterKey>& key = std::nullopt);

/// Writes an encrypted set as a plain one, a new folder that only its owner can enter: for other
/// programs to read, or for a job with another key to resume from.
/// Errors   mismatch: another key; storage_corrupt: nothing is left of out_path then; refused: it
/// is not encrypted, or out_path is there.
Result<SetInfo> decrypt_set(const std::string& set_path, const MasterKey& key,
                            const std::string& out_path);

/// "causal_analysis.alpha: 0.01 there, 0.05 here" for each fact that differs; empty when all agree.
std::vector<std::string> difference(const SpecFacts& there, const SpecFacts& here);

}  // namespace sovren::storage
