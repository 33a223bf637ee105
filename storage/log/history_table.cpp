// SPDX-License-Identifier: Apache-2.0
#include "storage/log/history_table.h"

#include <limits>

#include "core/text/record_json.h"
#include "storage/log/chain.h"

namespace sovren::storage {

Result<void> HistoryTable::prepare() {
  SOVREN_TRY(put, database_.prepare("INSERT OR REPLACE INTO history VALUES (?1,?2,?3,?4,?5,?6)"));
  put_ = std::move(put);
  return {};
}

Result<void> HistoryTable::put(std::span<const JobRecord> records) {
  for (const JobRecord& record : records) {
    const std::string json = text::record_to_json(record);
    const std::string digest = chain_digest("", record.id.value, json);
    put_.bind(1, record.id.value);
    put_.bind(2, record.ended_at.ms);
    put_.bind(3, record.user);
    put_.bind(4, state_name(record.state));
    put_.bind(5, json);
    put_.bind(6, digest);
    SOVREN_DO(put_.step());
  }
  return {};
}

Result<JobRecord> HistoryTable::read(const Statement& row) const {
  const std::int64_t job = row.column_int(0);
  const std::string_view json = row.column_text(1);
  auto record = text::record_from_json(json);
  const bool is_whole =
      record && record->id.value == job && row.column_text(2) == chain_digest("", job, json);
  if (is_whole) return *std::move(record);
  Error error = damaged_log(
      path_, "the history's record of job " + std::to_string(job) + " does not match its digest");
  error.hint = "stop Sovren, keep a copy, and run: sqlite3 " + path_ +
               " 'DROP TABLE history'; it is made anew from the events at the next start";
  return fail(std::move(error));
}

Result<std::optional<JobRecord>> HistoryTable::find(JobId job) {
  SOVREN_TRY(rows, database_.prepare("SELECT job, record, digest FROM history WHERE job = ?1"));
  rows.bind(1, job.value);
  SOVREN_TRY(has_row, rows.step());
  if (!has_row) return std::nullopt;
  SOVREN_TRY(record, read(rows));
  return record;
}

Result<std::vector<JobRecord>> HistoryTable::query(const HistoryQuery& query) {
  constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
  std::string sql =
      "SELECT job, record, digest FROM history WHERE ended_at >= ?1 AND ended_at < ?2";
  if (!query.user.empty()) sql += " AND user = ?3";
  if (query.state) sql += " AND state = ?4";
  if (query.after.value != 0)
    sql += " AND (ended_at, job) < (SELECT ended_at, job FROM history WHERE job = ?5)";
  sql += " ORDER BY ended_at DESC, job DESC LIMIT ?6";
  SOVREN_TRY(rows, database_.prepare(sql));
  rows.bind(1, query.since ? query.since->ms : -last);
  rows.bind(2, query.until ? query.until->ms : last);
  if (!query.user.empty()) rows.bind(3, query.user);
  if (query.state) rows.bind(4, state_name(*query.state));
  if (query.after.value != 0) rows.bind(5, query.after.value);
  rows.bind(6, static_cast<std::int64_t>(query.limit));
  std::vector<JobRecord> records;
  for (;;) {
    SOVREN_TRY(has_row, rows.step());
    if (!has_row) return records;
    SOVREN_TRY(record, read(rows));
    records.push_back(std::move(record));
  }
}

}  // namespace sovren::storage
