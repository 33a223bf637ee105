// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "core/base/units.h"
#include "storage/checkpoint/checkpoint_set.h"
#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/set_folder.h"
#include "storage/checkpoint/shard_layout.h"
#include "storage/checkpoint/shard_stream.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

// How a set comes to be (D: every rank; 0: rank 0):
//   D copy the rows   D tell what rows there are   0 check them, the fence and the space; mkdir
//   D lay out and write the own shard, fsync, from the copies or, where a rank has none, as the
//   rows are put again   D vote   0 manifest, fsync, fsync folder 0 lock, check the fence again,
//   rename, unlock   0 fsync parent   D learn how it went
// A set is never written over: a step that is sealed again gets a name of its own.

namespace sovren::storage {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct PendingSeal::State {
  SetHeader header;
  int rank = 0;
  std::string folder;  ///< path of the unfinished set
  std::vector<StagedArray> staged;
  ShardLayout layout;
  bool has_shard = false;
  std::optional<SetCipher> cipher;
  ShardForm form;
  Result<FileDigest> written;  ///< by the thread, read after it has been joined
  std::atomic<bool> is_written{false};
  std::atomic<bool> has_failed{false};
  bool is_streamed = false;
  std::string copy_trouble;
  std::thread writing;
  std::shared_ptr<SealMemory> memory;
  double blocked_s = 0;
  double write_s = 0;  ///< as `written`

  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (writing.joinable()) writing.join();
    memory->is_sealing = false;
    memory->unfinished.clear();
    memory->staging.reset();
    memory->small.reset();
  }
  std::string file() const { return shard_file_name(rank); }

  std::string path() const { return folder + "/" + file(); }

  /// Lays the shard out. What fails waits for the vote.
  void begin_shard(const std::string& encryption, const std::optional<MasterKey>& key);
  void write(const std::function<Result<void>(StateWriter&)>& fill = {});
  void write_in_background() {
    try {
      writing = std::thread([this] { write(); });
    } catch (const std::system_error&) {
      write();  // no thread to be had
    }
  }
  /// What this rank has to say when all is written.
  Result<std::string> description() const;
};

void PendingSeal::State::begin_shard(const std::string& encryption,
                                     const std::optional<MasterKey>& key) {
  has_shard = std::any_of(staged.begin(), staged.end(),
                          [](const StagedArray& array) { return !array.slabs.empty(); });
  if (auto joined = join_encryption(encryption, key, header, folder)) {
    cipher = std::move(*joined);
    if (cipher) form.cipher = {&*cipher, static_cast<std::uint32_t>(rank)};
  } else {
    written = fail(std::move(joined).error());
    has_shard = false;
  }
  if (has_shard) {
    auto laid_out = lay_out_shard(header, staged);
    if (laid_out) {
      layout = std::move(*laid_out);
    } else {
      written = fail(std::move(laid_out).error());
      has_shard = false;
    }
  }
}

/// fill: puts the rows that were not copied, collectively: called whatever has failed here.
void PendingSeal::State::write(const std::function<Result<void>(StateWriter&)>& fill) {
  const auto start = Clock::now();
  if (has_shard) {
    ShardStream stream(staged, layout, path(), form);
    const Result<void> filled = fill ? fill(stream) : Result<void>();
    written = filled ? stream.finish() : Result<FileDigest>(fail(filled.error()));
  } else if (fill) {
    Discard discard;
    if (auto filled = fill(discard); !filled && written) written = fail(filled.error());
  }
  has_failed.store(!written, std::memory_order_release);
  write_s = seconds_since(start);
  is_written.store(true, std::memory_order_release);
}

Result<std::string> PendingSeal::State::description() const {
  if (!written) return fail(written.error());
  Manifest part = part_of(header, staged);
  if (has_shard) part.shards.push_back({file(), *written, form.cipher ? layout.bytes : 0});
  place_slabs(part, layout);
  return manifest_text(part);
}

PendingSeal::PendingSeal(std::unique_ptr<State> state) : state_(std::move(state)) {}
PendingSeal::PendingSeal(PendingSeal&&) noexcept = default;
PendingSeal& PendingSeal::operator=(PendingSeal&&) noexcept = default;
PendingSeal::~PendingSeal() = default;

bool PendingSeal::is_written() const {
  return state_->is_written.load(std::memory_order_acquire);
}

bool PendingSeal::has_failed() const {
  return state_->has_failed.load(std::memory_order_acquire);
}

bool PendingSeal::is_streamed() const {
  return state_->is_streamed;
}

const std::string& PendingSeal::copy_trouble() const {
  return state_->copy_trouble;
}

namespace {

/// For people.
std::string in_whole_mib(std::int64_t bytes) {
  constexpr std::int64_t mib = std::int64_t{1} << 20;
  return format_size((bytes + mib - 1) / mib * mib);
}

std::string copy_trouble(std::int64_t needed_bytes, std::int64_t limit_bytes) {
  return "a copy of the state takes " + in_whole_mib(needed_bytes) +
         (limit_bytes > 0 ? ", and copy_memory is " + format_size(limit_bytes)
                          : std::string(", and there is not as much memory"));
}

/// What all ranks told after copying.
struct Told {
  std::vector<std::string> parts;  ///< of each rank
  std::string trouble;             ///< of the first rank that has one
};

Told read_told(const std::vector<std::string>& texts) {
  Told told;
  for (std::size_t rank = 0; rank < texts.size(); ++rank) {
    std::vector<std::string> fields = unpack(texts[rank]);
    told.parts.push_back(std::move(fields.at(0)));
    if (told.trouble.empty() && !fields.at(1).empty())
      told.trouble = "on rank " + std::to_string(rank) + " " + fields[1];
  }
  return told;
}

}  // namespace

Result<void> CheckpointStore::prepare(Communicator& comm,
                                      const std::function<Result<void>(StateWriter&)>& fill) {
  if (setting_.writing == StoreSetting::Writing::sync) return {};
  std::int64_t needed_bytes = 0;
  const auto measure = [&]() -> Result<std::string> {
    StagingWriter writer(nullptr, memory_->small);
    SOVREN_DO(fill(writer));
    memory_->small.reset();
    needed_bytes = writer.needed_bytes();
    const std::int64_t limit_bytes = setting_.copy_memory_bytes;
    if (limit_bytes == 0 || needed_bytes <= limit_bytes) return std::string();
    return fail({.code = Code::refused,
                 .what = "checkpoints do not fit into their memory: " +
                         copy_trouble(needed_bytes, limit_bytes),
                 .hint = "in [checkpoint], set copy_memory = \"" + in_whole_mib(needed_bytes) +
                         "\" or more, or mode = \"sync\" in its place, which needs no copy; or "
                         "use more ranks",
                 .where = ""});
  };
  SOVREN_DO(gather_results(comm, measure()));
  memory_->staging.prepare(static_cast<std::size_t>(needed_bytes));
  return {};
}

Result<PendingSeal> CheckpointStore::start_seal(
    Communicator& comm, const SetHeader& header,
    const std::function<Result<void>(StateWriter&)>& fill) {
  SOVREN_CHECK(!memory_->is_sealing, "one seal at a time");
  const auto start = Clock::now();
  memory_->is_sealing = true;
  auto state = std::make_unique<PendingSeal::State>();
  state->memory = memory_;
  state->header = header;
  state->rank = comm.rank();
  state->form.digest = setting_.digest;

  const bool is_sync = setting_.writing == StoreSetting::Writing::sync;
  const auto copy = [&]() -> Result<std::string> {
    StagingWriter writer(is_sync ? nullptr : &memory_->staging, memory_->small);
    SOVREN_DO(fill(writer));
    SOVREN_TRY(staged, writer.finish());
    state->staged = std::move(staged);
    SOVREN_TRY(part, manifest_text(part_of(header, state->staged)));
    const bool is_short = !is_sync && !is_all_copied(state->staged);
    return pack(
        {part, is_short ? copy_trouble(writer.needed_bytes(), setting_.copy_memory_bytes) : ""});
  };
  SOVREN_TRY(texts, gather_results(comm, copy()));

  const auto begin = [&]() -> Result<std::string> {
    const Told told = read_told(texts);
    SOVREN_TRY(whole, join_parts(header, told.parts));
    SOVREN_TRY(total_bytes, check_rows(whole));
    SOVREN_DO(check_fence(dir_, {header.job, header.attempt}));
    SOVREN_DO(check_space(dir_, total_bytes, comm.size()));
    const std::string name =
        set_name(header.step, 1) + ".tmp-" + std::to_string(header.attempt) + "-" + nonce();
    const std::string folder = dir_ + "/" + name;
    if (system_calls().mkdir(folder.c_str(), 0777) != 0)
      return fail(io_error("make the folder", folder, errno));
    memory_->unfinished = name;
    return pack({name, begin_encryption(setting_.key, header), told.trouble});
  };
  SOVREN_TRY(packed, decide_on_rank_0(comm, begin));
  const std::vector<std::string> begun = unpack(packed);
  state->folder = dir_ + "/" + begun.at(0);
  state->copy_trouble = begun.at(2);
  state->is_streamed = is_sync || !state->copy_trouble.empty();

  state->begin_shard(begun.at(1), setting_.key);
  if (state->is_streamed)
    state->write(fill);
  else
    state->write_in_background();
  state->blocked_s = seconds_since(start);
  return PendingSeal(std::move(state));
}

namespace {

/// Gives the folder its final name while the fence cannot move. Returns the path.
Result<std::string> rename_to_sealed(const std::string& dir, const std::string& folder,
                                     const SetHeader& header) {
  SOVREN_TRY(lock,
             FileLock::acquire(lock_path(dir), "pid " + std::to_string(::getpid()), lock_wait_s));
  SOVREN_DO(check_fence(dir, {header.job, header.attempt}));
  for (int repeat = 1;; ++repeat) {
    const std::string target = dir + "/" + set_name(header.step, repeat);
    if (path_exists(target)) continue;
    if (system_calls().rename(folder.c_str(), target.c_str()) == 0) return target;
    if (errno != EEXIST && errno != ENOTEMPTY)
      return fail(io_error("rename '" + folder + "' to", target, errno));
  }
}

/// All that rank 0 does after a good vote. Returns the path of the sealed set.
Result<std::string> commit(const std::string& dir, const std::string& folder,
                           const Manifest& manifest, const std::string& text) {
  SOVREN_DO(check_files(folder, manifest));
  SOVREN_TRY(file, FileWriter::create(folder + "/" + std::string(manifest_name)));
  SOVREN_DO(file.append(text));
  SOVREN_DO(file.finish());
  SOVREN_DO(sync_directory(folder));
  SOVREN_TRY(sealed, rename_to_sealed(dir, folder, manifest.header));
  if (auto synced = sync_directory(dir); !synced) {
    // Whether the name is durable is unknown: the set is not sealed.
    system_calls().rename(sealed.c_str(), folder.c_str());
    return fail(synced.error());
  }
  static_cast<void>(clear_restores(dir));  // an old count does no harm: new sets have new keys
  return sealed;
}

}  // namespace

Result<SetInfo> CheckpointStore::finish_seal(Communicator& comm, PendingSeal pending) {
  const auto start = Clock::now();
  PendingSeal::State& state = *pending.state_;
  if (state.writing.joinable()) state.writing.join();
  auto outcome = [&]() -> Result<std::string> {
    SOVREN_TRY(parts, gather_results(comm, state.description()));
    return decide_on_rank_0(comm, [&]() -> Result<std::string> {
      SOVREN_TRY(manifest, join_parts(state.header, parts));
      if (state.cipher) manifest.encryption = state.cipher->encryption();
      SOVREN_TRY(text, manifest_text(manifest, state.cipher ? &*state.cipher : nullptr));
      // What is sealed must be restorable: the same checks as when it is read.
      SOVREN_DO(parse_manifest(text, state.folder));
      SOVREN_TRY(sealed, commit(dir_, state.folder, manifest, text));
      return pack({sealed, text});
    });
  }();
  if (!outcome) {
    if (comm.rank() == 0) static_cast<void>(remove_tree(state.folder));
    // Who has taken over sweeps away what this attempt was writing: then that is what went wrong.
    const auto fence = check_fence(dir_, {state.header.job, state.header.attempt});
    return fail(!fence && fence.error().code == Code::fenced ? fence.error() : outcome.error());
  }
  const std::vector<std::string> sealed = unpack(*outcome);
  SOVREN_TRY(manifest, parse_manifest(sealed.at(1), sealed.at(0)));
  SetInfo info = info_of(manifest, sealed.at(0));
  memory_->proven.insert(restore_key(info.name, sealed.at(1)));
  info.seal_s = state.blocked_s + seconds_since(start);
  info.write_s = state.write_s;
  return info;
}

Result<SetInfo> CheckpointStore::seal(Communicator& comm, const SetHeader& header,
                                      const std::function<Result<void>(StateWriter&)>& fill) {
  SOVREN_TRY(pending, start_seal(comm, header, fill));
  return finish_seal(comm, std::move(pending));
}

}  // namespace sovren::storage
