// SPDX-License-Identifier: Apache-2.0
// Ways of writing checkpoints that others use, on the same disk: the crash tests must see what is
// wrong with each, or they would not see it in ours.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <functional>
#include <sstream>

#include "tests/fault/model/crash_search.h"

namespace sovren::storage {
namespace {

using Kind = Operation::Kind;

constexpr int generations = 5;
constexpr int shards = 2;

std::string shard_bytes(int generation, int shard) {
  std::string bytes(1800, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] =
        static_cast<char>(1 + (i * 31 + static_cast<std::size_t>(generation * 7 + shard)) % 251);
  return bytes;
}

/// "3 <digest> <digest>"
std::string manifest_text(int generation) {
  std::ostringstream text;
  text << generation;
  for (int shard = 0; shard < shards; ++shard)
    text << ' ' << std::hash<std::string>()(shard_bytes(generation, shard));
  return text.str() + "\n";
}

/// Does what a program does to its disk.
class Writer {
 public:
  enum class Sync { no, yes };
  explicit Writer(Trace& trace) : trace_(trace) {}

  void file(const std::string& path, const std::string& bytes, Sync sync) {
    const int handle = trace_.next_handle();
    trace_.add({.kind = Kind::open, .path = path, .handle = handle, .creates = true});
    constexpr std::size_t piece_bytes = 600;
    for (std::size_t at = 0; at < bytes.size(); at += piece_bytes)
      trace_.add({.kind = Kind::write,
                  .handle = handle,
                  .offset = static_cast<std::int64_t>(at),
                  .bytes = bytes.substr(at, piece_bytes)});
    if (sync == Sync::yes) trace_.add({.kind = Kind::sync, .handle = handle});
  }
  void sync_folder(const std::string& path) {
    const int handle = trace_.next_handle();
    trace_.add({.kind = Kind::open, .path = path, .handle = handle});
    trace_.add({.kind = Kind::sync, .handle = handle});
  }
  void rename(const std::string& from, const std::string& to) {
    trace_.add({.kind = Kind::rename, .path = from, .to = to});
  }
  void make_folder(const std::string& path) {
    trace_.add({.kind = Kind::make_folder, .path = path});
  }
  void remove(const std::string& path) { trace_.add({.kind = Kind::remove, .path = path}); }

 private:
  Trace& trace_;
};

struct Names {
  std::function<std::string(int generation, int shard)> shard;
  std::function<std::string(int generation)> manifest;
};

struct Protocol {
  const char* name;
  Names names;
  void (*write)(Writer& disk, const Names& names, int generation);
};

void write_shards(Writer& disk, const Names& names, int generation, Writer::Sync sync) {
  for (int shard = 0; shard < shards; ++shard)
    disk.file(names.shard(generation, shard), shard_bytes(generation, shard), sync);
}

void remove_generation(Writer& disk, const Names& names, int generation) {
  if (generation < 1) return;
  disk.remove(names.manifest(generation));
  for (int shard = 0; shard < shards; ++shard) disk.remove(names.shard(generation, shard));
}

void write_done_last(Writer& disk, const Names& names, int generation) {
  write_shards(disk, names, generation, Writer::Sync::no);
  disk.file(names.manifest(generation), manifest_text(generation), Writer::Sync::no);
  remove_generation(disk, names, generation - 2);
}

void write_without_folder_sync(Writer& disk, const Names& names, int generation) {
  write_shards(disk, names, generation, Writer::Sync::yes);
  disk.file("tmp", manifest_text(generation), Writer::Sync::yes);
  disk.rename("tmp", names.manifest(generation));
  remove_generation(disk, names, generation - 2);
}

void write_in_place(Writer& disk, const Names& names, int generation) {
  for (int shard = 0; shard < shards; ++shard) {
    disk.file("tmp", shard_bytes(generation, shard), Writer::Sync::yes);
    disk.rename("tmp", names.shard(generation, shard));
  }
  disk.file("tmp", manifest_text(generation), Writer::Sync::yes);
  disk.rename("tmp", names.manifest(generation));
  disk.sync_folder(".");
}

std::string folder_of(int generation) {
  return "gen-" + std::to_string(generation);
}

void remove_folder(Writer& disk, const Names& names, int generation) {
  if (generation < 1) return;
  remove_generation(disk, names, generation);
  disk.remove(folder_of(generation));
}

void write_folder(Writer& disk, const Names& names, int generation, int doomed_before,
                  int doomed_after) {
  disk.make_folder("tmp");
  for (int shard = 0; shard < shards; ++shard)
    disk.file("tmp/shard-" + std::to_string(shard), shard_bytes(generation, shard),
              Writer::Sync::yes);
  disk.file("tmp/manifest", manifest_text(generation), Writer::Sync::yes);
  disk.sync_folder("tmp");
  remove_folder(disk, names, doomed_before);
  disk.rename("tmp", folder_of(generation));
  disk.sync_folder(".");
  remove_folder(disk, names, doomed_after);
}

void write_keeping_one(Writer& disk, const Names& names, int generation) {
  write_folder(disk, names, generation, generation - 1, 0);
}

/// Ours.
void write_keeping_two(Writer& disk, const Names& names, int generation) {
  write_folder(disk, names, generation, 0, generation - 2);
}

/// What is at a path; empty when nothing is.
std::string bytes_at(const DiskImage& image, const std::string& path) {
  const auto found = image.entries.find(path);
  return found == image.entries.end() ? "" : found->second.bytes;
}

/// What a program that starts after the cut takes for its newest checkpoint. Without verification
/// it believes the newest manifest that is there.
Finding read_back(const Protocol& protocol, const CrashState& state, bool verifies) {
  const std::int64_t expected = state.promised("acked", 0);
  for (int named = generations; named >= 1; --named) {
    const std::string path = protocol.names.manifest(named);
    if (!state.image.entries.contains(path)) continue;
    const std::string text = bytes_at(state.image, path);
    // In place there is one manifest, which says of which generation it is.
    const bool has_own_name = path != protocol.names.manifest(named + 1);
    int generation = named;
    if (!has_own_name) std::istringstream(text) >> generation;
    bool is_whole = true;
    for (int shard = 0; shard < shards; ++shard)
      is_whole = is_whole && bytes_at(state.image, protocol.names.shard(generation, shard)) ==
                                 shard_bytes(generation, shard);
    // Digests tell exactly this.
    const bool verified = is_whole && text == manifest_text(generation);
    if (verifies && !verified) continue;
    if (!is_whole) return {Verdict::wrong, "generation " + std::to_string(generation)};
    return {generation >= expected ? Verdict::good : Verdict::lost, ""};
  }
  return {expected == 0 ? Verdict::good : Verdict::nothing, ""};
}

CrashTally examine(const Protocol& protocol, bool verifies) {
  Trace trace;
  Writer writer(trace);
  for (int generation = 1; generation <= generations; ++generation) {
    protocol.write(writer, protocol.names, generation);
    trace.promise("acked", {generation});
  }
  constexpr int states = 5000;
  const int moments = static_cast<int>(trace.operations().size()) + 1;
  const CrashTally tally = search_crash_states(
      DiskModel(), trace,
      {.states_per_moment = states / moments + 1, .seed = 20'261'127, .repeats = true},
      [&](const CrashState& state) { return read_back(protocol, state, verifies); });
  const auto share = [&](Verdict verdict) { return 100.0 * tally.of(verdict) / tally.states; };
  std::printf("%-46s %-6s %10d %6d %6.1f %10.1f %12.1f %12.1f\n", protocol.name,
              verifies ? "yes" : "no", tally.operations, tally.states, share(Verdict::good),
              share(Verdict::lost), share(Verdict::nothing), share(Verdict::wrong));
  return tally;
}

Names flat_names() {
  return {[](int generation, int shard) {
            return "shard-" + std::to_string(generation) + "-" + std::to_string(shard);
          },
          [](int generation) { return "manifest-" + std::to_string(generation); }};
}

Names one_set_of_names() {
  return {[](int, int shard) { return "shard-" + std::to_string(shard); },
          [](int) { return std::string("manifest"); }};
}

Names folder_names() {
  return {[](int generation, int shard) {
            return folder_of(generation) + "/shard-" + std::to_string(shard);
          },
          [](int generation) { return folder_of(generation) + "/manifest"; }};
}

/// The four bad ones lose or corrupt, as they are known to; ours does neither.
TEST(Protocols, TheBadOnesAreCaughtAndOursIsNot) {
  std::printf("%-46s %-6s %10s %6s %6s %10s %12s %12s\n", "protocol (shares in %)", "verify",
              "operations", "states", "ok", "acked lost", "nothing left", "corrupt used");
  const std::array bad{
      Protocol{"final names, DONE last, no fsync", flat_names(), &write_done_last},
      Protocol{"file fsync, manifest rename, no dir fsync", flat_names(),
               &write_without_folder_sync},
      Protocol{"in place (tmp + rename each), all fsync", one_set_of_names(), &write_in_place}};
  for (const Protocol& protocol : bad) {
    const CrashTally blind = examine(protocol, false);
    EXPECT_GT(blind.of(Verdict::wrong), blind.states / 10) << protocol.name;
    const CrashTally seeing = examine(protocol, true);
    EXPECT_EQ(seeing.of(Verdict::wrong), 0) << protocol.name;
    EXPECT_GT(seeing.of(Verdict::lost) + seeing.of(Verdict::nothing), seeing.states / 10)
        << protocol.name << ": digests tell damage, they do not undo it";
  }
  const Protocol hasty{"folder, all fsync, delete before commit, keep 1", folder_names(),
                       &write_keeping_one};
  EXPECT_GT(examine(hasty, true).of(Verdict::nothing), 500) << hasty.name;
  const Protocol ours{"folder, all fsync, delete after commit, keep 2", folder_names(),
                      &write_keeping_two};
  for (const bool verifies : {true, false}) {
    const CrashTally tally = examine(ours, verifies);
    EXPECT_EQ(tally.of(Verdict::good), tally.states) << ours.name << ": " << tally.first;
  }
}

}  // namespace
}  // namespace sovren::storage
