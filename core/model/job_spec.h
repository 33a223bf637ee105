// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "core/model/rendering_spec.h"
#include "core/model/training_spec.h"

namespace sovren {

/// Where kernels run. auto_: CUDA where a device is, else CPU.
enum class Backend { auto_, cpu, cuda };

/// May ranks share cores? auto_: up to ranks_per_core_max each, with a warning; no: never; yes: any
/// number.
enum class Oversubscribe { auto_, no, yes };
inline constexpr int ranks_per_core_max = 4;

/// [resources]: what one attempt holds.
struct Resources {
  int nodes = 1;
  int ranks = 1;
  std::optional<int> ranks_min;  ///< elastic: may start on as few
  std::optional<int> ranks_max;  ///< elastic: may start on as many
  int cpus_per_rank = 1;
  int gpus_per_rank = 0;
  std::int64_t memory_per_rank_bytes = 0;  ///< 0: no limit
  Backend backend = Backend::auto_;
  std::optional<double> time_limit_s;  ///< of one attempt; none: unlimited
  Oversubscribe oversubscribe = Oversubscribe::auto_;
  bool exclusive = false;  ///< its nodes run nothing else meanwhile
  bool operator==(const Resources&) const = default;
};

/// When sets are sealed at one level of storage.
struct CheckpointInterval {
  enum class Mode { automatic, seconds, steps, off };
  Mode mode = Mode::automatic;
  double seconds = 0;
  std::int64_t steps = 0;
  bool operator==(const CheckpointInterval&) const = default;
};

/// [checkpoint]: when to seal, how, where to, and which sets are kept.
struct CheckpointPolicy {
  using Mode = CheckpointInterval::Mode;
  /// async: the state is copied, and written while the job goes on. sync: it is written from where
  /// it is, and the job stands still meanwhile.
  enum class Writing { async, sync };
  /// What becomes of a set that is due while another is being written.
  enum class Busy { wait, skip };
  enum class Digest { sha256, crc32c };

  CheckpointInterval interval;  ///< of sets in the job directory
  int keep = 3;                 ///< newest sets
  int keep_hourly = 0;          ///< further: the newest of each of the last so many hours
  std::string best_metric;      ///< further: the set where it was best; empty: none
  bool best_is_highest = false;
  Writing mode = Writing::async;
  Busy when_busy = Busy::wait;
  Digest digest = Digest::sha256;      ///< of whole shards, besides the CRC of each block
  std::int64_t copy_memory_bytes = 0;  ///< of each rank, for copies of its state; 0: no limit
  std::string local_dir;               ///< a folder on each node's own disk; empty: no sets there
  CheckpointInterval local_interval;   ///< of sets on the nodes' own disks
  CheckpointInterval memory_interval{.mode = Mode::off};  ///< of sets in the nodes' memory
  std::string key_file;  ///< sets are encrypted with the key in it; empty: see key_env
  std::string key_env;   ///< name of the environment variable that holds the key; empty: plain sets
  bool operator==(const CheckpointPolicy&) const = default;
};

/// [retry]: attempts that failed through no fault of the job are repeated.
struct RetryPolicy {
  int limit = 3;
  double backoff_s = 10;  ///< doubles with each counted failure
  /// May it be started again after its node was lost? Not: it is not preempted either.
  bool requeue = true;
  bool operator==(const RetryPolicy&) const = default;
};

/// pc_alpha: one number, several (the one with the least AIC wins), or auto = {.05, .1, .2, .3, .4,
/// .5}.
struct PcAlpha {
  bool is_auto = false;
  std::vector<double> values;  ///< what is tried, in order; auto: the six; empty: as the method has
  bool operator==(const PcAlpha&) const = default;
};

/// effects = [{cause, effect, max_lag}]
struct EffectQuery {
  std::string cause;
  std::string effect;
  int max_lag = 0;
  bool operator==(const EffectQuery&) const = default;
};

/// interventions = [{set, to, from, until}]: rows of the data, counted from 0. Neither: in the
/// future, from the first step after the data to the horizon.
struct Intervention {
  std::string set;
  double to = 0;
  std::optional<int> from;
  std::optional<int> until;  ///< the last step; absent: to the end
  bool operator==(const Intervention&) const = default;
};

/// required, forbidden = [{source, target, lag}]: what is known of the graph beforehand.
struct KnownLink {
  std::string source;
  std::string target;
  std::optional<int> lag;  ///< absent: forbidden at every lag; required: lag 0 of pc
  bool operator==(const KnownLink&) const = default;
};

/// [causal_analysis]: causal discovery and what follows from the graph.
struct CausalSpec {
  enum class Method { pcmci, pcmci_plus, pc };
  enum class Test { parcorr, robust_parcorr, cmi_knn, chi2, g2 };
  enum class Fdr { bh, none };
  /// Which of x, y and z of a test I(x; y | z) loses the masked samples.
  enum class MaskType { y, x, z, xy, xz, yz, xyz };

  std::string data;  ///< path: csv, tsv, npy or h5; time in rows, variables in columns
  std::vector<std::string> variables;  ///< columns to use, in this order; empty: all
  Method method = Method::pcmci;
  Test test = Test::parcorr;
  int min_lag = 0;
  int max_lag = 1;
  PcAlpha pc_alpha;
  double alpha =
      0.05;  ///< a link is reported when its q-value (p-value without FDR) is at most this
  Fdr fdr = Fdr::bh;
  std::optional<int> max_conditions;  ///< PC1: largest condition set tried
  std::optional<int> max_parents;     ///< MCI: parents of each side that are conditioned on
  std::optional<double>
      missing;       ///< a value that means "not measured"; NaN: empty cells and NaN do
  std::string mask;  ///< path of a table as data, not 0 where a value is masked; empty: none
  MaskType mask_type = MaskType::y;
  std::vector<KnownLink> required;
  std::vector<KnownLink> forbidden;
  double neighbors = 0.1;     ///< cmi-knn: a share of the samples if below 1, else their number
  int shuffles = 500;         ///< cmi-knn: permutations of each test
  int shuffle_neighbors = 5;  ///< cmi-knn: x is exchanged among so many that are near in z
  int bootstrap = 0;          ///< replicates; 0: none
  int bootstrap_block = 1;  ///< consecutive time steps drawn together; 0: cube root of the samples
  bool chain_depth = true;  ///< look for chains in the graph
  std::vector<EffectQuery> effects;
  std::vector<Intervention> interventions;
  std::optional<int> horizon;   ///< time steps of the forecast; absent: max_lag
  double interval_level = 0.9;  ///< share of outcomes that an interval is to hold
  std::string truth;            ///< path of a csv source,target[,lag]; empty: none
  std::uint64_t seed = 0;
  bool operator==(const CausalSpec&) const = default;
};

/// The levels that select conditions or edges: pc_alpha, or where it is not given 0.05 for pcmci,
/// 0.01 for pcmci-plus, and alpha for pc.
std::vector<double> selection_levels(const CausalSpec& spec);

/// [command]: any program, as the user would start it in a shell. Either argv or script.
struct CommandSpec {
  /// Started once for each rank, or once on the head node, where it starts ranks itself (srun,
  /// mpirun) in the slots that the attempt holds.
  enum class Start { ranks, head };
  enum class OpenMode { append, truncate };
  /// Who gets the signal: all processes, or of those that start on the head alone the script, or
  /// the ranks that it has started.
  enum class SignalTo { all, script, steps };

  std::vector<std::string> argv;       ///< program and arguments; empty: script is run
  std::string script;                  ///< text of a script, with its #! line or run by /bin/sh
  std::vector<std::string> arguments;  ///< of the script
  Start start = Start::ranks;
  std::map<std::string, std::string> environment;  ///< added to the agent's
  /// Sent to the whole attempt when a checkpoint is wanted ("USR1", "TERM"); empty: it cannot
  /// checkpoint. It then ends with exit code 85: "checkpointed, start me again".
  std::string checkpoint_signal;
  SignalTo signal_to = SignalTo::all;
  std::optional<double> signal_lead_s;  ///< before the time limit; none: as long as seals take
  std::string input;                    ///< `stdin`: path of a file; empty: nothing to read
  std::string folder;                   ///< working folder, absolute; empty: the job's folder
  /// Files that what it prints goes to besides the job's log, absolute, with Slurm's patterns (%j,
  /// %A, %a, %N, %t, %x, %u, ...). Empty output: the log alone; empty error: where output goes.
  std::string output;
  std::string error;
  OpenMode open_mode = OpenMode::append;  ///< of the first attempt; later ones always append
  bool operator==(const CommandSpec&) const = default;
};

/// One alternative per job kind; its index names the kind.
using KindSpec = std::variant<CausalSpec, CommandSpec, TrainingSpec, RenderingSpec>;

/// One axis of [array]: the name that ${name} stands for, and its values in order.
struct ArrayAxis {
  std::string name;
  std::vector<std::string> values;
  bool operator==(const ArrayAxis&) const = default;
};

/// A job as its file describes it, all defaults filled in, all paths absolute. A plain value;
/// core/text reads and prints it.
struct JobSpec {
  int schema = 1;
  std::string name;
  std::string partition;  ///< empty: the default one
  std::string qos;
  std::string account;
  int priority = 0;
  std::string begin;     ///< not before: RFC 3339 time; empty: now
  std::string deadline;  ///< to be done by then: RFC 3339 time, raises the priority; empty: none
  std::string after;     ///< dependencies, "ok:12,any:13,singleton"; empty: none
  std::string comment;
  /// Labels that every node it runs on must bear, as region = "eu-west-1": never relaxed.
  std::map<std::string, std::string> labels;
  Resources resources;
  CheckpointPolicy checkpoint;
  RetryPolicy retry;
  std::vector<ArrayAxis> array;  ///< empty: one job
  int array_max_running = 0;     ///< elements of the array that run at once; 0: no limit
  KindSpec kind;
  bool operator==(const JobSpec&) const = default;
};

/// A spec that many jobs share: the elements of an array, and jobs submitted alike. Never changed.
class SharedSpec {
 public:
  SharedSpec() = default;  ///< none
  SharedSpec(JobSpec spec) : spec_(std::make_shared<const JobSpec>(std::move(spec))) {}
  explicit operator bool() const { return spec_ != nullptr; }
  const JobSpec& operator*() const { return *spec_; }
  const JobSpec* operator->() const { return spec_.get(); }
  /// By value: two that were read from two places are the same.
  bool operator==(const SharedSpec& other) const {
    return spec_ == other.spec_ || (spec_ && other.spec_ && *spec_ == *other.spec_);
  }

 private:
  std::shared_ptr<const JobSpec> spec_;
};

/// "causal-analysis", ...: as written in `kind =`.
const char* kind_name(const KindSpec& kind);

/// Can the job be stopped so that its next attempt goes on where it was? Not a command that names
/// no checkpoint_signal, nor one whose checkpoints are off.
bool can_checkpoint(const JobSpec& spec);

}  // namespace sovren
