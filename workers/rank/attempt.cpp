// SPDX-License-Identifier: Apache-2.0
#include "workers/rank/attempt.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <variant>

#include "core/text/job_file.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/file/file.h"
#include "storage/file/sequence.h"
#include "workers/comm/comm.h"
#include "workers/comm/device.h"
#include "workers/rank/asset_folder.h"
#include "workers/rank/attempt_reporter.h"
#include "workers/rank/backend.h"
#include "workers/rank/levels.h"
#include "workers/rank/loop.h"
#include "workers/rank/preview.h"
#include "workers/rank/result_folder.h"

namespace sovren::workers {
namespace {

constexpr double lock_wait_s = 5;  // for a predecessor that is about to die

double steady_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double wall_s() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Standard output and error go on in DIR/logs/rank-0000.log; what a terminal shows stays there.
void open_log(const std::string& dir, int rank) {
  if (::isatty(2) != 0) return;
  ::mkdir((dir + "/logs").c_str(), 0777);
  std::array<char, 32> name;
  std::snprintf(name.data(), name.size(), "/logs/rank-%04d.log", rank);
  const int log = ::open((dir + name.data()).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  if (log < 0) return;  // the launch log takes the lines then
  ::dup2(log, 1);
  ::dup2(log, 2);
  ::close(log);
}

Error shape_mismatch(int ranks, int found) {
  Error error{.code = Code::mismatch,
              .what = "the attempt has " + std::to_string(ranks) +
                      " ranks, but this process was "
                      "started as one of " +
                      std::to_string(found)};
  error.hint = found == 1
                   ? "ranks started without MPI's launcher, as by srun without --mpi=pmix, are so "
                     "many jobs of one: see srun --mpi=list, or use sovren run --launcher mpirun"
                   : "let --ranks be the number that mpirun starts";
  return error;
}

/// Did somebody start this process who tells MPI of the others? Without, MPI would take each of
/// them for a job of one rank, or end the process in its own words.
bool has_mpi_launcher() {
  static constexpr std::array<const char*, 4> variables{"PMIX_NAMESPACE", "OMPI_COMM_WORLD_SIZE",
                                                        "PMI_FD", "PMI_RANK"};
  return std::any_of(variables.begin(), variables.end(),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

Result<std::unique_ptr<Communicator>> join_ranks(const Options& options) {
  if (options.ranks > 1) {
    if (!has_mpi_launcher()) return fail(shape_mismatch(options.ranks, 1));
    SOVREN_TRY(comm, make_mpi_communicator(options.peer_deadline_s));
    if (comm->size() != options.ranks) return fail(shape_mismatch(options.ranks, comm->size()));
    return comm;
  }
  const char* world = std::getenv("OMPI_COMM_WORLD_SIZE");
  if (const int size = world == nullptr ? 1 : std::atoi(world); size > 1)
    return fail(shape_mismatch(1, size));
  return make_self_communicator();
}

Result<JobSpec> read_spec(const std::string& dir) {
  const std::string path = dir + "/job.toml";
  constexpr std::int64_t size_bytes_max = 1 << 20;
  SOVREN_TRY(text, storage::read_file(path, size_bytes_max));
  auto spec = text::parse_job_file({.name = path, .text = std::move(text), .base_dir = dir});
  if (!spec) return fail(std::move(spec).error().front());
  return std::move(*spec);
}

/// The process environment that the programs of a job see.
void describe_attempt(const Options& options, int rank) {
  const auto set = [](const char* name, const std::string& value) {
    ::setenv(name, value.c_str(), 1);
  };
  set("SOVREN_JOB_ID", std::to_string(options.job.value));
  set("SOVREN_ATTEMPT", std::to_string(options.attempt));
  set("SOVREN_RANK", std::to_string(rank));
  set("SOVREN_CHECKPOINT_DIR", options.dir + "/checkpoints");
}

storage::StoreSetting store_setting(const CheckpointPolicy& policy,
                                    std::optional<storage::MasterKey> key) {
  using Setting = storage::StoreSetting;
  const bool is_sync = policy.mode == CheckpointPolicy::Writing::sync;
  return {.writing = is_sync ? Setting::Writing::sync : Setting::Writing::async,
          .digest = policy.digest == CheckpointPolicy::Digest::crc32c ? storage::DigestKind::crc32c
                                                                      : storage::DigestKind::sha256,
          .copy_memory_bytes = policy.copy_memory_bytes,
          .key = std::move(key)};
}

/// One rank of one attempt, once it has joined the others.
class Attempt {
 public:
  Attempt(const Options& options, Communicator& comm, Control& control, AttemptReporter& reporter)
      : options_(options), comm_(comm), control_(control), reporter_(reporter) {}

  Result<LoopEnd> run(const KindMaker& make_kind) {
    const double began_s = steady_s();
    SOVREN_TRY(spec, read_spec(options_.dir));
    SOVREN_TRY(choice, agree_on_backend(spec.resources.backend));
    tell(ReportStarted{.backend = choice.backend == Backend::cuda ? "cuda" : "cpu",
                       .devices = choice.devices,
                       .ranks = comm_.size()});
    reporter_.log("backend: " + choice.why);
    SOVREN_TRY(devices, join_devices_for(spec, choice.backend));
    const auto assets = open_asset_cache();
    const jobs::Setting setting{comm_,
                                spec.resources.cpus_per_rank,
                                choice.backend,
                                devices.get(),
                                [this](const std::string& line) { reporter_.log(line); },
                                assets.get()};
    SOVREN_TRY(kind, make_kind(spec, setting));
    SOVREN_DO(kind->load());
    for (const std::string& warning : kind->warnings()) tell(ReportWarning{warning});

    SOVREN_TRY(key, storage::read_policy_key(spec.checkpoint));
    SOVREN_DO(agree_on_key(key));
    const storage::StoreSetting writing = store_setting(spec.checkpoint, key);
    SOVREN_TRY(store, open_store(writing));
    LoopSetting loop{.job = options_.job,
                     .attempt = options_.attempt,
                     .kind = kind_name(spec.kind),
                     .dir = options_.dir,
                     .checkpoint = spec.checkpoint,
                     .mtbf_s = options_.mtbf_s,
                     .retention = reporter_.has_agent() ? LoopSetting::Retention::when_recorded
                                                        : LoopSetting::Retention::at_once};
    SOVREN_TRY(levels,
               open_levels(comm_, spec.checkpoint, options_.dir + "/checkpoints", writing, store,
                           [this](std::string why) { tell(ReportWarning{std::move(why)}); }));
    SOVREN_TRY(restored_step, restore(store, levels, *kind));
    loop.sealed_step = restored_step;
    loop.recovery_s = steady_s() - began_s;
    auto ended = [&]() -> Result<LoopEnd> {
      SOVREN_TRY(end, run_loop(loop, {comm_, *kind, store, control_, reporter_, steady_s, wall_s,
                                      levels}));
      if (end == LoopEnd::done) SOVREN_DO(finish(*kind));
      SOVREN_DO(remove_levels(levels));
      return end;
    }();
    // A full disk is not the fault of the set it resumed from, which must not be passed over.
    if (!ended && ended.error().code == Code::storage_io && comm_.rank() == 0)
      static_cast<void>(store.forget_restores());
    return ended;
  }

 private:
  /// Reports of the whole attempt come from rank 0.
  void tell(const RankReport& report) {
    if (comm_.rank() == 0) reporter_.report(report);
  }

  /// This rank's number among those on its node, as mpirun or srun tell it; null: neither does.
  static const char* local_rank() {
    const char* of_mpirun = std::getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    return of_mpirun != nullptr ? of_mpirun : std::getenv("SLURM_LOCALID");
  }

  /// CUDA only if every rank has a device: the ranks' results must not come from two backends.
  Result<BackendChoice> agree_on_backend(Backend wanted) {
    kernels::DeviceList found;
    if (wanted != Backend::cpu) found = kernels::list_devices();
    std::int64_t has_device = found.devices.empty() ? 0 : 1;
    SOVREN_DO(comm_.all_reduce(std::span(&has_device, 1), Reduce::min));
    if (has_device == 0 && !found.devices.empty())
      found = {.is_compiled = true, .devices = {}, .why_none = "another rank has no device"};
    if (!found.devices.empty()) {
      const int place = device_of_rank(local_rank(), static_cast<int>(found.devices.size()));
      kernels::use_device(found.devices[static_cast<std::size_t>(place)].index);
    }
    return choose_backend(wanted, found);
  }

  /// Null where the job's kind does not move data between devices.
  Result<std::unique_ptr<DeviceCommunicator>> join_devices_for(const JobSpec& spec,
                                                               Backend backend) {
    if (backend != Backend::cuda || !std::holds_alternative<TrainingSpec>(spec.kind))
      return std::unique_ptr<DeviceCommunicator>();
    SOVREN_TRY(link, join_devices(comm_, kernels::used_device(), options_.peer_deadline_s));
    reporter_.log("between devices: " + link.why);
    return std::move(link.comm);
  }

  /// Seen now, and not when the first set cannot be sealed.
  Result<void> agree_on_key(const std::optional<storage::MasterKey>& key) {
    const std::int64_t mine = key ? storage::mark_of(*key) : 0;
    std::array marks{mine, -mine};
    SOVREN_DO(comm_.all_reduce(std::span(marks), Reduce::min));
    if (marks == std::array{mine, -mine}) return {};
    return fail({.code = Code::mismatch,
                 .what = "the ranks do not all have the same key for checkpoints",
                 .hint = "checkpoint.key_file or the variable of checkpoint.key_env must hold the "
                         "same on every node",
                 .where = ""});
  }

  /// Rank 0 raises the fence and takes the lock of the job directory; the others wait for it. An
  /// earlier attempt that does not let go (it is frozen, or on a host that was given up) is behind
  /// the fence: it can neither seal nor leave a result.
  Result<storage::CheckpointStore> open_store(const storage::StoreSetting& writing) {
    const std::string dir = options_.dir + "/checkpoints";
    SOVREN_TRY(store, storage::CheckpointStore::open(dir, writing));
    if (comm_.rank() == 0) {
      SOVREN_DO(store.raise_fence(options_.job, options_.attempt));
      const std::string holder = "job " + std::to_string(options_.job.value) + " attempt " +
                                 std::to_string(options_.attempt) + " process " +
                                 std::to_string(::getpid());
      auto lock = storage::FileLock::acquire(options_.dir + "/attempt.lock", holder, lock_wait_s);
      if (lock)
        lock_.emplace(std::move(*lock));
      else if (lock.error().code != Code::storage_busy)
        return fail(std::move(lock).error());
      else
        reporter_.log("going on beside an attempt that does not end: " + lock.error().what);
    }
    SOVREN_DO(comm_.barrier());
    return store;
  }

  /// The step of the set in the job directory that was restored; -1: it was one of a level, or the
  /// job starts from the beginning.
  Result<std::int64_t> restore(storage::CheckpointStore& store, std::span<JobLevel> levels,
                               jobs::JobKind& kind) {
    const double start_s = steady_s();
    std::vector<storage::LevelStore*> below;
    for (JobLevel& level : levels) below.push_back(&level.store);
    std::vector<storage::RejectedSet> rejected;
    auto found =
        store.restore_newest(comm_, kind.facts(), options_.oldest_set_job, rejected, below);
    for (const storage::RejectedSet& set : rejected) tell(ReportRejected{set.name, set.why});
    if (!found) return fail(std::move(found).error().within("looking for a checkpoint"));
    if (!*found) {
      SOVREN_DO(kind.init());
      return std::int64_t{-1};
    }
    const storage::SetInfo set = (*found)->set;
    if (auto restored = kind.restore(*(*found)->reader); !restored)
      return fail(std::move(restored).error().within("restoring " + set.name));
    tell(ReportRestored{
        .step = set.header.step, .set = set.name, .restore_s = steady_s() - start_s});
    return (*found)->level.empty() ? set.header.step : -1;
  }

  /// The end is in the job directory: sets of levels have nothing to add.
  Result<void> remove_levels(std::span<JobLevel> levels) {
    for (JobLevel& level : levels) {
      auto removed = level.store.remove(comm_);
      if (!removed && removed.error().code == Code::peer_lost)
        return fail(std::move(removed).error());
      if (!removed)
        reporter_.log("checkpoints stay in this node's " + level.store.name() + ": " +
                      to_text(std::move(removed).error()));
    }
    return {};
  }

  Result<void> finish(jobs::JobKind& kind) {
    SOVREN_TRY(outcome, kind.finish());
    if (comm_.rank() != 0) return {};
    SOVREN_DO(
        storage::check_fence(options_.dir + "/checkpoints", {options_.job, options_.attempt}));
    if (auto written = write_result(options_.dir, options_.attempt, outcome.files); !written)
      return fail(std::move(written).error().within("writing the result"));
    if (!options_.sequence.empty()) {
      auto added = storage::add_to_sequence(options_.dir + "/result", options_.sequence);
      if (!added) return fail(std::move(added).error().within("adding the result to the sequence"));
    }
    if (auto removed = remove_preview(options_.dir); !removed)
      reporter_.report(ReportWarning{"the preview stays: " + to_text(std::move(removed).error())});
    reporter_.report(ReportFinished{
        .steps = kind.steps(), .digest = outcome.digest, .metrics = outcome.metrics});
    return {};
  }

  const Options& options_;
  Communicator& comm_;
  Control& control_;
  AttemptReporter& reporter_;
  std::optional<storage::FileLock> lock_;
};

[[noreturn]] void exit_without_agent() {
  std::fprintf(stderr, "sovren-rank: the agent is gone\n");
  ::_exit(rank_exit_code(Code::unreachable));
}

/// Nobody waits for a rank whose launcher or agent has died.
Result<void> join_agent(const Options& options, int rank, Control& control,
                        AttemptReporter& reporter) {
  if (options.report_socket.empty()) return {};
  // The head's agent is reached from the head only; elsewhere mpirun's daemon is what ends a rank.
  if (rank != 0 && ::access(options.report_socket.c_str(), F_OK) != 0) return {};
  SOVREN_TRY(link, ReportLink::connect(options.report_socket, rank, control, exit_without_agent));
  reporter.attach(std::move(link));
  return {};
}

}  // namespace

int run_attempt(const Options& options, const KindMaker& make_kind) {
  static Control control;
  if (!options.report_socket.empty()) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  route_signals_to(control);
  auto comm = join_ranks(options);
  if (!comm && comm.error().code == Code::mismatch) {
    // Each of them would take itself for rank 0: none touches the folder or says so to the agent.
    std::fprintf(stderr, "sovren-rank: %s\n", to_text(comm.error()).c_str());
    return rank_exit_code(Code::mismatch);
  }
  const int rank = comm ? (*comm)->rank() : 0;
  open_log(options.dir, rank);
  describe_attempt(options, rank);
  AttemptReporter reporter(rank);
  Result<LoopEnd> end = LoopEnd::done;
  if (auto joined = join_agent(options, rank, control, reporter); !joined)
    end = fail(std::move(joined).error());
  else if (!comm)
    end = fail(std::move(comm).error());
  else
    end = Attempt(options, **comm, control, reporter).run(make_kind);

  if (!end) {
    const int exit_code = rank_exit_code(end.error().code);
    reporter.report(ReportFailed{std::move(end).error()});
    reporter.close();
    if (comm) (*comm)->abort(exit_code);
    return exit_code;
  }
  reporter.close();
  comm->reset();  // ends MPI: all ranks are here, none is killed because another has exited
  return *end == LoopEnd::done ? exit_done : exit_checkpointed;
}

}  // namespace sovren::workers
