// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "core/base/units.h"
#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/level.h"
#include "storage/checkpoint/seal_memory.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/checkpoint/shard_layout.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

// How a set of a level comes to be (D: every rank; L: the first rank of each node; 0: rank 0):
//   D copy the rows   D tell what rows there are   0 check them and the fence; name the set
//   D lay out the own shard   L check the space; mkdir   D vote   D exchange shards in memory
//   D write the own shard and those of the neighbours, fsync   0 manifest   D vote
//   L manifest, fsync, fsync folder, rename, fsync parent   D vote

namespace sovren::storage {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

constexpr std::int64_t round_bytes = std::int64_t{64} << 20;

/// A shard of another node that this rank keeps a copy of.
struct Kept {
  int rank = 0;
  std::span<std::byte> bytes;
  Result<FileDigest> written;
};

/// Bytes of the rows that a rank puts.
Result<std::int64_t> row_bytes(const std::string& part) {
  SOVREN_TRY(manifest, parse_manifest_part(part));
  std::int64_t bytes = 0;
  for (const StoredArray& array : manifest.arrays)
    for (const Slab& slab : array.slabs) bytes += slab.bytes;
  return bytes;
}

/// Reads pieces front to back.
class PieceReader {
 public:
  explicit PieceReader(std::span<const std::span<const std::byte>> pieces) : pieces_(pieces) {}
  void read(std::span<std::byte> out) {
    while (!out.empty()) {
      const std::span<const std::byte> rest = pieces_.front().subspan(at_);
      const std::size_t size = std::min(rest.size(), out.size());
      if (size > 0) std::memcpy(out.data(), rest.data(), size);
      out = out.subspan(size);
      at_ += size;
      if (at_ < pieces_.front().size()) continue;
      pieces_ = pieces_.subspan(1);
      at_ = 0;
    }
  }

 private:
  std::span<const std::span<const std::byte>> pieces_;
  std::size_t at_ = 0;
};

}  // namespace

struct PendingLevelSeal::State {
  SetHeader header;
  int rank = 0;
  std::string name;    ///< that the set is to get
  std::string folder;  ///< path of the unfinished set on this node
  std::vector<StagedArray> staged;
  ShardLayout layout;
  bool has_shard = false;
  DigestKind digest = DigestKind::sha256;
  std::optional<SetCipher> cipher;
  Result<FileDigest> written;  ///< by the thread, as those of `kept`
  std::vector<Kept> kept;
  std::atomic<bool> is_written{false};
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
    memory->staging.reset();
    memory->small.reset();
  }

  /// A copy is encrypted as its owner does it: with the same bytes as outcome.
  ShardForm form_of(int of) const {
    ShardForm form(digest);
    if (cipher) form.cipher = {&*cipher, static_cast<std::uint32_t>(of)};
    return form;
  }

  void write() {
    const auto start = Clock::now();
    const auto path = [&](int of) { return folder + "/" + shard_file_name(of); };
    if (has_shard) written = write_shard(path(rank), pieces_of(layout, staged), form_of(rank));
    for (Kept& each : kept) {
      const std::array<std::span<const std::byte>, 1> whole{each.bytes};
      each.written = write_shard(path(each.rank), whole, form_of(each.rank));
    }
    write_s = seconds_since(start);
    is_written.store(true, std::memory_order_release);
  }
  void write_in_background() {
    try {
      writing = std::thread([this] { write(); });
    } catch (const std::system_error&) {
      write();  // no thread to be had
    }
  }

  /// What this rank has to say when all is written.
  Result<std::string> description() const {
    if (!written) return fail(written.error());
    Manifest part = part_of(header, staged);
    if (has_shard)
      part.shards.push_back({shard_file_name(rank), *written, cipher ? layout.bytes : 0});
    place_slabs(part, layout);
    return manifest_text(part);
  }

  /// The copies are what their owners wrote.
  Result<std::string> compare(const Manifest& manifest) const {
    for (const Kept& each : kept) {
      if (!each.written) return fail(each.written.error());
      const std::string file = shard_file_name(each.rank);
      const auto shard = std::find_if(manifest.shards.begin(), manifest.shards.end(),
                                      [&](const Shard& one) { return one.file == file; });
      if (shard == manifest.shards.end() || shard->digest != *each.written)
        return fail({.code = Code::storage_corrupt,
                     .what = "the neighbour's copy of " + file + " differs from it",
                     .hint = "",
                     .where = folder});
    }
    return std::string();
  }
};

PendingLevelSeal::PendingLevelSeal(std::unique_ptr<State> state) : state_(std::move(state)) {}
PendingLevelSeal::PendingLevelSeal(PendingLevelSeal&&) noexcept = default;
PendingLevelSeal& PendingLevelSeal::operator=(PendingLevelSeal&&) noexcept = default;
PendingLevelSeal::~PendingLevelSeal() = default;

bool PendingLevelSeal::is_written() const {
  return state_->is_written.load(std::memory_order_acquire);
}

Result<std::string> LevelStore::copy_rows(
    PendingLevelSeal::State& state, const std::function<Result<void>(StateWriter&)>& fill) const {
  StagingWriter writer(&memory_->staging, memory_->small);
  SOVREN_DO(fill(writer));
  SOVREN_TRY(staged, writer.finish());
  if (!is_all_copied(staged))
    return fail({.code = Code::out_of_memory,
                 .what = "there is no memory for a copy of the state, which takes " +
                         format_size(writer.needed_bytes()),
                 .hint = "use more ranks or nodes, or a larger memory_per_rank"});
  state.staged = std::move(staged);
  SOVREN_TRY(part, manifest_text(part_of(state.header, state.staged)));
  int repeat = 1;
  while (path_exists(setting_.folder + "/" + set_name(state.header.step, repeat))) ++repeat;
  return pack({part, std::to_string(repeat)});
}

/// The size of this rank's shard; 0: it has none.
Result<std::string> LevelStore::lay_out(PendingLevelSeal::State& state,
                                        const std::vector<std::string>& parts) const {
  state.has_shard = std::any_of(state.staged.begin(), state.staged.end(),
                                [](const StagedArray& array) { return !array.slabs.empty(); });
  if (state.has_shard) {
    SOVREN_TRY(layout, lay_out_shard(state.header, state.staged));
    state.layout = std::move(layout);
  }
  if (is_leader()) {
    std::int64_t bytes = 0;
    int shards = 0;
    for (int rank = 0; rank < static_cast<int>(parts.size()); ++rank) {
      const int keeper = nodes_.keeper_of(rank);
      const auto is_here = [&](int who) { return who >= 0 && nodes_.is_same(who, rank_); };
      if (!is_here(rank) && !is_here(keeper)) continue;
      SOVREN_TRY(rows, row_bytes(parts[static_cast<std::size_t>(rank)]));
      bytes += rows;
      ++shards;
    }
    SOVREN_DO(check_space(setting_.folder, bytes, shards).map_error([](Error error) {
      error.hint.clear();  // --dir does not help here
      return error;
    }));
    if (system_calls().mkdir(state.folder.c_str(), 0700) != 0)
      return fail(io_error("make the folder", state.folder, errno));
  }
  return std::to_string(state.layout.bytes);
}

/// Sends the own shard to its keeper, in rounds, and takes those that are kept here.
Result<void> LevelStore::exchange_shards(Communicator& comm, PendingLevelSeal::State& state,
                                         const std::vector<std::string>& sizes) {
  if (nodes_.nodes() == 1) return {};
  const auto size_of = [&](int rank) -> std::int64_t {
    return std::stoll(sizes[static_cast<std::size_t>(rank)]);
  };
  std::vector<std::byte> buffer;
  const auto take = [&]() -> Result<std::string> {
    for (const int rank : nodes_.kept_by(rank_)) {
      if (size_of(rank) == 0) continue;
      const auto bytes = memory_->staging.take(static_cast<std::size_t>(size_of(rank)), page_bytes);
      if (bytes.empty())
        return fail({.code = Code::out_of_memory,
                     .what = "there is no memory for the copy of a neighbour's shard of " +
                             sizes[static_cast<std::size_t>(rank)] + " bytes"});
      state.kept.push_back({rank, bytes, FileDigest()});
    }
    buffer.resize(static_cast<std::size_t>(std::min(round_bytes, state.layout.bytes)));
    return std::string();
  };
  SOVREN_DO(gather_results(comm, take()));
  std::int64_t most_bytes = 0;
  for (int rank = 0; rank < comm.size(); ++rank) most_bytes = std::max(most_bytes, size_of(rank));
  const auto pieces = pieces_of(state.layout, state.staged);
  PieceReader reader(pieces);
  for (std::int64_t offset = 0; offset < most_bytes; offset += round_bytes) {
    const auto left = [&](std::int64_t size) {
      return static_cast<std::size_t>(std::clamp<std::int64_t>(size - offset, 0, round_bytes));
    };
    std::vector<std::span<const std::byte>> to(static_cast<std::size_t>(comm.size()));
    std::vector<std::span<std::byte>> from(static_cast<std::size_t>(comm.size()));
    const auto outgoing = std::span(buffer).first(left(state.layout.bytes));
    reader.read(outgoing);
    to[static_cast<std::size_t>(nodes_.keeper_of(rank_))] = outgoing;
    for (const Kept& each : state.kept)
      from[static_cast<std::size_t>(each.rank)] =
          each.bytes.subspan(std::min(each.bytes.size(), static_cast<std::size_t>(offset)),
                             left(static_cast<std::int64_t>(each.bytes.size())));
    SOVREN_DO(comm.exchange(to, from));
  }
  return {};
}

Result<PendingLevelSeal> LevelStore::start_seal(
    Communicator& comm, const SetHeader& header,
    const std::function<Result<void>(StateWriter&)>& fill) {
  SOVREN_CHECK(!memory_->is_sealing, "one seal at a time");
  const auto start = Clock::now();
  memory_->is_sealing = true;
  auto state = std::make_unique<PendingLevelSeal::State>();
  state->memory = memory_;
  state->header = header;
  state->rank = rank_;
  state->digest = writing_.digest;

  SOVREN_TRY(told, gather_results(comm, copy_rows(*state, fill)));
  std::vector<std::string> parts;
  int repeat = 1;
  for (const std::string& each : told) {
    std::vector<std::string> fields = unpack(each);
    parts.push_back(std::move(fields.at(0)));
    repeat = std::max(repeat, std::stoi(fields.at(1)));
  }
  const auto begin = [&]() -> Result<std::string> {
    SOVREN_TRY(whole, join_parts(header, parts));
    SOVREN_DO(check_rows(whole));
    SOVREN_DO(check_fence(setting_.shared_dir, {header.job, header.attempt}));
    return pack({nonce(), begin_encryption(writing_.key, header)});
  };
  SOVREN_TRY(packed, decide_on_rank_0(comm, begin));
  const std::vector<std::string> begun = unpack(packed);
  state->name = set_name(header.step, repeat);
  state->folder = setting_.folder + "/" + state->name + ".tmp-" + std::to_string(header.attempt) +
                  "-" + begun.at(0);
  const auto join = [&]() -> Result<std::string> {
    SOVREN_TRY(cipher, join_encryption(begun.at(1), writing_.key, header, state->folder));
    state->cipher = std::move(cipher);
    return std::string();
  };
  auto started = [&]() -> Result<void> {
    SOVREN_DO(gather_results(comm, join()));
    SOVREN_TRY(sizes, gather_results(comm, lay_out(*state, parts)));
    return exchange_shards(comm, *state, sizes);
  }();
  if (!started) {
    if (is_leader()) static_cast<void>(remove_tree(state->folder));
    return fail(std::move(started).error());
  }
  state->write_in_background();
  state->blocked_s = seconds_since(start);
  return PendingLevelSeal(std::move(state));
}

Result<std::string> LevelStore::commit(const PendingLevelSeal::State& state,
                                       const std::string& text) const {
  if (!is_leader()) return std::string();
  SOVREN_TRY(file, FileWriter::create(state.folder + "/" + std::string(manifest_name)));
  SOVREN_DO(file.append(text));
  SOVREN_DO(file.finish());
  SOVREN_DO(sync_directory(state.folder));
  SOVREN_DO(rename_durable(state.folder, setting_.folder + "/" + state.name));
  return std::string();
}

Result<SetInfo> LevelStore::finish_seal(Communicator& comm, PendingLevelSeal pending) {
  const auto start = Clock::now();
  PendingLevelSeal::State& state = *pending.state_;
  if (state.writing.joinable()) state.writing.join();
  auto outcome = [&]() -> Result<Manifest> {
    SOVREN_TRY(parts, gather_results(comm, state.description()));
    SOVREN_TRY(
        text, decide_on_rank_0(comm, [&]() -> Result<std::string> {
          SOVREN_TRY(whole, join_parts(state.header, parts));
          SOVREN_DO(check_fence(setting_.shared_dir, {state.header.job, state.header.attempt}));
          if (state.cipher) whole.encryption = state.cipher->encryption();
          return manifest_text(whole, state.cipher ? &*state.cipher : nullptr);
        }));
    // What is sealed must be restorable: the same checks as when it is read.
    SOVREN_TRY(manifest, parse_manifest(text, state.folder));
    SOVREN_DO(gather_results(comm, state.compare(manifest)));
    SOVREN_DO(gather_results(comm, commit(state, text)));
    return manifest;
  }();
  if (!outcome) {
    // With a peer lost, the others may have sealed it.
    if (is_leader() && outcome.error().code != Code::peer_lost) {
      static_cast<void>(remove_tree(state.folder));
      static_cast<void>(remove_set(setting_.folder, state.name));
    }
    return fail(std::move(outcome).error());
  }
  if (rank_ == 0) static_cast<void>(clear_restores(setting_.shared_dir));
  if (is_leader()) static_cast<void>(prune());  // what stays is tried again after the next seal
  SetInfo info = info_of(*outcome, setting_.folder + "/" + state.name);
  info.name = setting_.name + "/" + state.name;
  info.seal_s = state.blocked_s + seconds_since(start);
  info.write_s = state.write_s;
  return info;
}

}  // namespace sovren::storage
