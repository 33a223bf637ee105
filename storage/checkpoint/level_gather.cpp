// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <optional>
#include <utility>

#include "storage/checkpoint/collective.h"
#include "storage/checkpoint/level.h"
#include "storage/checkpoint/seal_parts.h"
#include "storage/checkpoint/set_cipher.h"
#include "storage/checkpoint/shard_writer.h"
#include "storage/file/file.h"
#include "storage/file/system.h"

// A set of a level is whole when each shard is whole on some node. Every node then gets what it
// lacks, so that reading needs no other node: a shard goes from a node that has it to all, since a
// job restores on as many nodes as it likes, and what one lacks most of the others lack too.

namespace sovren::storage {
namespace {

constexpr std::int64_t piece_bytes = std::int64_t{16} << 20;

/// Which shards are whole on which node.
struct Whole {
  std::vector<std::vector<bool>> has;  ///< by node, by shard
  std::string damage;                  ///< of copies that are there, in words

  std::optional<std::size_t> first_node_with(std::size_t shard) const {
    for (std::size_t node = 0; node < has.size(); ++node)
      if (has[node][shard]) return node;
    return std::nullopt;
  }
  bool is_everywhere(std::size_t shard) const {
    return std::all_of(has.begin(), has.end(), [&](const auto& node) { return node[shard]; });
  }
};

/// The set with this manifest in a node's folder; empty: there is none.
std::string find_folder(const std::string& dir, const std::string& text) {
  const auto sets = find_sets(dir);
  if (!sets) return {};
  for (const FoundSet& set : *sets)
    if (set.text == text) return set.path;
  return {};
}

/// A new one, without shards.
Result<std::string> make_folder(const std::string& dir, const Manifest& manifest,
                                const std::string& text) {
  for (int repeat = 1;; ++repeat) {
    const std::string path = dir + "/" + set_name(manifest.header.step, repeat);
    if (system_calls().mkdir(path.c_str(), 0700) == 0) {
      SOVREN_DO(write_file_atomic(path + "/" + std::string(manifest_name), text));
      return path;
    }
    if (errno != EEXIST) return fail(io_error("make the folder", path, errno));
  }
}

/// A shard on its way into a node's folder: under another name until all of it is there.
class Arrival {
 public:
  static Result<Arrival> create(const std::string& set_path, const Shard& shard) {
    const std::string path = set_path + "/" + shard.file;
    const std::string unfinished = path + ".tmp-" + nonce();
    const DigestKind kind = shard.digest.sha256.empty() ? DigestKind::crc32c : DigestKind::sha256;
    SOVREN_TRY(writer, ShardWriter::create(unfinished, shard.digest.bytes, kind));
    return Arrival(path, unfinished, std::move(writer));
  }
  Result<void> append(std::span<const std::byte> data) { return writer_.append(data); }
  Result<void> finish(const Shard& shard) {
    SOVREN_TRY(digest, writer_.finish());
    if (digest != shard.digest)
      return fail({.code = Code::storage_corrupt,
                   .what = shard.file + " was damaged on its way from another node",
                   .hint = "",
                   .where = path_});
    return rename_durable(unfinished_, path_);
  }

 private:
  Arrival(std::string path, std::string unfinished, ShardWriter writer)
      : path_(std::move(path)), unfinished_(std::move(unfinished)), writer_(std::move(writer)) {}
  std::string path_;
  std::string unfinished_;
  ShardWriter writer_;
};

/// Sends one shard from a rank that has it to all, of which some want it. Errors of the files come
/// back in `outcome`: the others go on meanwhile.
Result<void> send_shard(Communicator& comm, const std::string& set_path, const Shard& shard,
                        int source, bool is_wanted, Result<void>& outcome) {
  std::optional<FileReader> reader;
  std::optional<Arrival> arrival;
  const auto note = [&](const Result<void>& done) {
    if (outcome && !done) outcome = fail(done.error());
  };
  const auto open = [&]() -> Result<void> {
    if (comm.rank() == source) {
      SOVREN_TRY(file, FileReader::open(set_path + "/" + shard.file));
      reader.emplace(std::move(file));
    }
    if (is_wanted) {
      SOVREN_TRY(file, Arrival::create(set_path, shard));
      arrival.emplace(std::move(file));
    }
    return {};
  };
  note(open());
  std::vector<std::byte> piece;
  for (std::int64_t at = 0; at < shard.digest.bytes; at += piece_bytes) {
    piece.resize(static_cast<std::size_t>(std::min(piece_bytes, shard.digest.bytes - at)));
    if (reader) note(reader->read_at(at, piece));
    SOVREN_DO(comm.broadcast(piece, source));
    if (arrival) note(arrival->append(piece));
  }
  if (arrival) note(arrival->finish(shard));
  return {};
}

Result<Whole> join_verdicts(Communicator& comm, const NodeMap& nodes, std::size_t shards,
                            const std::string& whole, const std::string& damage) {
  SOVREN_TRY(told, gather_texts(comm, pack({whole, damage})));
  Whole all;
  all.has.assign(static_cast<std::size_t>(nodes.nodes()), std::vector<bool>(shards, false));
  for (std::size_t rank = 0; rank < told.size(); ++rank) {
    const std::vector<std::string> fields = unpack(told[rank]);
    auto& has = all.has[static_cast<std::size_t>(nodes.node_of[rank])];
    for (std::size_t i = 0; i < shards; ++i) has[i] = has[i] || fields.at(0).at(i) == '1';
    if (!fields.at(1).empty()) all.damage += (all.damage.empty() ? "" : "; ") + fields.at(1);
  }
  return all;
}

}  // namespace

Result<std::string> LevelStore::gather(Communicator& comm, const std::string& manifest_text) {
  SOVREN_TRY(manifest, parse_manifest(manifest_text, setting_.name));
  const std::vector<Shard>& shards = manifest.shards;
  const std::string here = find_folder(setting_.folder, manifest_text);
  const auto cipher = cipher_of(manifest, manifest_text, writing_.key,
                                setting_.folder + "/" + set_name(manifest.header.step, 1));
  SOVREN_DO(gather_results(comm, cipher ? Result<std::string>("") : fail(cipher.error())));

  // The ranks of a node share the work on what it has.
  std::string whole(shards.size(), '0');
  std::string damage;
  const std::size_t beside = nodes_.beside(rank_).size();
  for (auto i = static_cast<std::size_t>(nodes_.place_of(rank_)); i < shards.size(); i += beside) {
    if (here.empty() || !path_exists(here + "/" + shards[i].file)) continue;
    const auto checked = check_shard(here, shards[i], *cipher ? &**cipher : nullptr);
    if (checked)
      whole[i] = '1';
    else
      damage += (damage.empty() ? "" : "; ") + checked.error().what + " on node " + setting_.node;
  }
  SOVREN_TRY(all, join_verdicts(comm, nodes_, shards.size(), whole, damage));
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (all.first_node_with(i)) continue;
    return fail({.code = Code::storage_corrupt,
                 .what = shards[i].file + " is whole on no node of this attempt" +
                         (all.damage.empty() ? "" : ": " + all.damage),
                 .hint = "",
                 .where = setting_.folder});
  }

  const auto make = [&]() -> Result<std::string> {
    if (!is_leader() || !here.empty()) return here;
    return make_folder(setting_.folder, manifest, manifest_text);
  };
  SOVREN_TRY(paths, gather_results(comm, make()));
  const std::string& path = paths[static_cast<std::size_t>(nodes_.beside(rank_).front())];
  Result<void> outcome;
  const auto node = static_cast<std::size_t>(nodes_.node_of[static_cast<std::size_t>(rank_)]);
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (all.is_everywhere(i)) continue;
    const int source = nodes_.ranks[*all.first_node_with(i)].front();
    const bool is_wanted = is_leader() && !all.has[node][i];
    SOVREN_DO(send_shard(comm, path, shards[i], source, is_wanted, outcome));
  }
  SOVREN_DO(gather_results(comm, outcome ? Result<std::string>(path) : fail(outcome.error())));
  return path;
}

}  // namespace sovren::storage
