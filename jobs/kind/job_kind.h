// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/job_spec.h"
#include "core/model/spec_facts.h"
#include "core/port/asset_cache.h"
#include "core/port/communicator.h"
#include "core/port/device_communicator.h"
#include "core/port/reporter.h"
#include "core/port/state_io.h"

namespace sovren::jobs {

/// One file of the result folder.
struct ResultFile {
  std::string name;  ///< "graph.json"
  std::string bytes;
  /// measured: it holds times and rates, which differ from run to run.
  enum class Content { result, measured } content = Content::result;
};

/// What a finished job leaves. Only rank 0 has files.
struct Outcome {
  std::vector<ResultFile> files;
  std::string digest;  ///< SHA-256 (hex) of the result's content: equal for equal results, whatever
                       ///< the file format adds
  std::map<std::string, double> metrics;
};

/// The ranks, threads and backend that an attempt of a job has. Outlives the job kind.
struct Setting {
  Communicator& comm;
  int threads = 1;                 ///< that this rank may use
  Backend backend = Backend::cpu;  ///< never auto_
  /// Between the ranks' devices; null where the kind makes no use of it, and on the CPU.
  DeviceCommunicator* devices = nullptr;
  std::function<void(const std::string& line)> log;  ///< to this rank's log; empty: nowhere
  AssetCache* assets = nullptr;  ///< of this node, whatever the job; null: there is none
};

/// One kind of job, as every rank runs it. All verbs but facts() and progress() are collective.
///
/// Model    create -> load -> init | restore -> step ... until done -> finish.   checkpoint() at
/// any step boundary. Laws     (jobs/kind/laws.h, run over every kind) restore + n steps = the
/// uninterrupted run, bit for bit, on the same ranks
///          and backend; other rank counts give the same result (CPU: bitwise); progress never
///          falls; a step is bounded.
/// I/O      reads its inputs in load(); writes nothing: state goes to a StateWriter, results come
/// back from finish(). Threads  called from one thread.
class JobKind {
 public:
  virtual ~JobKind() = default;

  /// Reads and checks the inputs. Errors: input_missing, data_invalid, each naming file, line and
  /// column.
  virtual Result<void> load() = 0;

  /// What decides the result, the digests of the inputs among them. After load().
  virtual SpecFacts facts() const = 0;

  /// Things that the user should know but that stop nothing: a constant column. After load(); the
  /// same on every rank.
  virtual std::vector<std::string> warnings() const = 0;

  /// Starts from the beginning; deterministic in the spec and the inputs.
  virtual Result<void> init() = 0;

  /// Starts from a checkpoint set, of any number of ranks.
  virtual Result<void> restore(StateReader& reader) = 0;

  /// One bounded unit of work (aim 0.1 to 2 s). Steps are numbered alike for every rank count, but
  /// where the size of a step grows with the ranks of the spec (rendering).
  virtual Result<void> step() = 0;

  /// Are all steps done? The same on every rank.
  virtual bool done() const = 0;

  /// Completed calls of step(); restored with the state. What the user counts as steps is in
  /// progress().
  virtual std::int64_t steps() const = 0;

  virtual Result<void> checkpoint(StateWriter& writer) const = 0;

  virtual Progress progress() const = 0;

  /// The result so far, for people to look at: files as of finish(), named alike on every call, on
  /// rank 0 only; none: this kind has no such thing. At any step boundary; changes nothing of the
  /// run. Called now and then, as its cost allows.
  virtual Result<std::vector<ResultFile>> preview() { return std::vector<ResultFile>(); }

  /// Makes the result, once done().
  virtual Result<Outcome> finish() = 0;
};

/// Makes the kind that the spec names, not yet loaded. Errors: refused when this build cannot run
/// it.
Result<std::unique_ptr<JobKind>> make_job_kind(const JobSpec& spec, const Setting& setting);

}  // namespace sovren::jobs
