// SPDX-License-Identifier: Apache-2.0
#include "storage/log/snapshot_table.h"

#include <cstdio>

#include "core/text/state_json.h"
#include "storage/log/chain.h"

namespace sovren::storage {
namespace {

std::string hash_text(const State& state) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(state_hash(state)));
  return text;
}

tl::unexpected<Error> useless(std::string why) {
  return fail({.code = Code::storage_corrupt, .what = std::move(why)});
}

}  // namespace

Result<void> SnapshotTable::save(const State& state, const std::string& chain) {
  const std::int64_t seq = state.applied.value;
  // One of this very event is replaced.
  SOVREN_TRY(forget, database_.prepare("DELETE FROM snapshot_parts WHERE seq = ?1"));
  forget.bind(1, seq);
  SOVREN_DO(forget.step());
  SOVREN_TRY(put,
             database_.prepare("INSERT INTO snapshot_parts(seq, part, text) VALUES (?1,?2,?3)"));
  std::int64_t parts = 0;
  std::string digest = chain;
  const auto put_piece = [&](std::string_view piece) -> Result<void> {
    digest = chain_digest(digest, ++parts, piece);
    put.bind(1, seq);
    put.bind(2, parts);
    put.bind(3, piece);
    SOVREN_DO(put.step());
    return {};
  };
  SOVREN_DO(text::write_state(state, put_piece));
  SOVREN_TRY(row, database_.prepare("INSERT OR REPLACE INTO snapshots VALUES (?1,?2,?3,?4,?5)"));
  const std::string hash = hash_text(state);
  row.bind(1, seq);
  row.bind(2, chain);
  row.bind(3, hash);
  row.bind(4, parts);
  row.bind(5, digest);
  SOVREN_DO(row.step());
  const std::string keep = std::to_string(kept);
  SOVREN_DO(database_.run(("DELETE FROM snapshots WHERE seq NOT IN "
                           "(SELECT seq FROM snapshots ORDER BY seq DESC LIMIT " +
                           keep + ")")
                              .c_str()));
  return database_.run("DELETE FROM snapshot_parts WHERE seq NOT IN (SELECT seq FROM snapshots)");
}

Result<Snapshot> SnapshotTable::load() {
  std::vector<Row> newest_first;
  SOVREN_TRY(rows, database_.prepare("SELECT seq, chain, hash, digest, parts FROM snapshots "
                                     "ORDER BY seq DESC"));
  for (;;) {
    SOVREN_TRY(has_row, rows.step());
    if (!has_row) break;
    newest_first.push_back({rows.column_int(0), std::string(rows.column_text(1)),
                            std::string(rows.column_text(2)), std::string(rows.column_text(3)),
                            rows.column_int(4)});
  }
  Snapshot snapshot;
  for (const Row& row : newest_first) {
    auto state = read(row);
    if (state) {
      snapshot.state = *std::move(state);
      return snapshot;
    }
    if (state.error().code != Code::storage_corrupt) return fail(std::move(state).error());
    snapshot.warnings.push_back(
        "the state saved at event " + std::to_string(row.seq) +
        " is not used, earlier events are replayed instead: " + state.error().what);
  }
  return snapshot;
}

Result<State> SnapshotTable::read(const Row& row) {
  SOVREN_TRY(event, database_.prepare("SELECT digest FROM events WHERE seq = ?1"));
  event.bind(1, row.seq);
  SOVREN_TRY(has_event, event.step());
  if (!has_event || event.column_text(0) != row.chain)
    return useless("the log does not have the event that it was made after");
  SOVREN_TRY(parts, database_.prepare("SELECT part, text FROM snapshot_parts WHERE seq = ?1 "
                                      "ORDER BY id"));
  parts.bind(1, row.seq);
  text::StateReader reader;
  std::string digest = row.chain;
  std::int64_t count = 0;
  for (;;) {
    SOVREN_TRY(has_part, parts.step());
    if (!has_part) break;
    if (parts.column_int(0) != ++count) return useless("a part of it is missing");
    const std::string_view piece = parts.column_text(1);
    digest = chain_digest(digest, count, piece);
    SOVREN_DO(reader.take(piece));
  }
  if (count != row.parts || digest != row.digest) return useless("it does not match its digest");
  SOVREN_TRY(state, std::move(reader).finish());
  if (state.applied.value != row.seq || hash_text(state) != row.hash)
    return useless("it does not match its hash");
  return state;
}

}  // namespace sovren::storage
