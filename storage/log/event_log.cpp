// SPDX-License-Identifier: Apache-2.0
#include "storage/log/event_log.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/base/check.h"
#include "core/text/event_json.h"
#include "core/text/job_file.h"
#include "core/text/record_json.h"
#include "core/text/toml_tree.h"
#include "core/text/utf8.h"
#include "storage/log/chain.h"
#include "storage/log/database.h"
#include "storage/log/history_table.h"
#include "storage/log/snapshot_table.h"

namespace sovren::storage {
namespace {

// The tables of version 1; prepare() brings every older version up to date.
constexpr const char* create_sql = R"sql(
  BEGIN IMMEDIATE;
  CREATE TABLE schema(version INTEGER NOT NULL) STRICT;
  CREATE TABLE events(seq INTEGER PRIMARY KEY, event TEXT NOT NULL, digest TEXT NOT NULL) STRICT;
  INSERT INTO schema VALUES (1);
  COMMIT;)sql";

// FULL: a commit is on the disk before it returns. The other two bound the size of the WAL.
constexpr const char* session_sql = R"sql(
  PRAGMA synchronous = FULL;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA journal_size_limit = 67108864;)sql";

class SqliteEventLog : public DurableLog {
 public:
  static Result<std::unique_ptr<DurableLog>> open(const std::string& path);

  using EventLog::append;
  using EventLog::replay;
  Result<void> append(std::span<Event> events, std::span<const JobRecord> ended) override;
  Result<void> replay(EventSeq after, const Visit& visit) override;
  Result<Snapshot> load_snapshot() override { return snapshots_.load(); }
  Result<void> save_snapshot(const State& state) override;
  Result<std::vector<Event>> read_events(EventSeq after, std::size_t limit) override;
  Result<std::optional<JobRecord>> find(JobId job) override { return history_.find(job); }
  Result<std::vector<JobRecord>> query(const HistoryQuery& query) override {
    return history_.query(query);
  }

 private:
  SqliteEventLog(std::string path, FileLock lock, std::unique_ptr<Database> database)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        database_(std::move(database)),
        history_(path_, *database_),
        snapshots_(*database_) {}

  Result<void> prepare();
  Result<void> check_schema();
  Result<void> complete_schema();
  Result<bool> has_table(const char* name);
  Result<void> rebuild_history();
  Result<void> transact(const std::function<Result<void>()>& write);
  Result<std::string> insert(std::span<Event> events);
  Result<void> walk(EventSeq after, std::int64_t limit, const Visit& visit);

  std::string path_;
  FileLock lock_;
  std::unique_ptr<Database> database_;
  HistoryTable history_;
  SnapshotTable snapshots_;
  Statement begin_, commit_, insert_;
  std::int64_t last_seq_ = 0;
  std::string last_digest_;
};

Result<std::unique_ptr<DurableLog>> SqliteEventLog::open(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  SOVREN_DO(make_directories(folder));
  auto lock = FileLock::acquire(path + ".lock", "process " + std::to_string(::getpid()), 0);
  if (!lock && lock.error().code == Code::storage_busy)
    lock.error().what = "the event log is in use: " + lock.error().what;
  if (!lock) return fail(std::move(lock).error());
  SOVREN_TRY(database, Database::open(path));
  std::unique_ptr<SqliteEventLog> log(
      new SqliteEventLog(path, std::move(*lock), std::move(database)));
  SOVREN_DO(log->prepare());
  SOVREN_DO(sync_directory(folder));  // the file's name, if it is new
  return log;
}

Result<void> SqliteEventLog::prepare() {
  SOVREN_DO(check_schema());
  SOVREN_TRY(verdict, database_->query_text("PRAGMA quick_check(1)"));
  if (verdict != "ok") return fail(damaged_log(path_, verdict));
  SOVREN_TRY(journal, database_->query_text("PRAGMA journal_mode = WAL"));
  if (journal != "wal")  // SQLite stays with what it has, without an error
    return fail({.code = Code::storage_io,
                 .what = "the file system of the event log cannot carry a write-ahead log",
                 .hint = "choose a folder on a local disk with --dir",
                 .where = path_});
  SOVREN_DO(database_->run(session_sql));
  SOVREN_TRY(last, database_->prepare("SELECT seq, digest FROM events ORDER BY seq DESC LIMIT 1"));
  SOVREN_TRY(has_row, last.step());
  if (has_row) {
    last_seq_ = last.column_int(0);
    last_digest_ = last.column_text(1);
  }
  SOVREN_TRY(begin, database_->prepare("BEGIN IMMEDIATE"));
  begin_ = std::move(begin);
  SOVREN_TRY(commit, database_->prepare("COMMIT"));
  commit_ = std::move(commit);
  SOVREN_DO(complete_schema());
  SOVREN_TRY(insert, database_->prepare("INSERT INTO events VALUES (?1, ?2, ?3)"));
  insert_ = std::move(insert);
  return history_.prepare();
}

Result<bool> SqliteEventLog::has_table(const char* name) {
  SOVREN_TRY(table, database_->prepare("SELECT 1 FROM sqlite_schema WHERE name = ?1"));
  table.bind(1, std::string_view(name));
  return table.step();
}

// Of an older version, or one whose projections were dropped: what is missing is made in one
// transaction.
Result<void> SqliteEventLog::complete_schema() {
  SOVREN_TRY(version, database_->query_int("SELECT max(version) FROM schema"));
  SOVREN_TRY(has_history, has_table("history"));
  SOVREN_TRY(has_snapshots, has_table("snapshots"));
  if (version == log_schema_version && has_history && has_snapshots) return {};
  return transact([&]() -> Result<void> {
    if (!has_snapshots) SOVREN_DO(database_->run(SnapshotTable::create_sql));
    if (!has_history) SOVREN_DO(rebuild_history());
    return database_->run("UPDATE schema SET version = 2");
  });
}

Result<void> SqliteEventLog::rebuild_history() {
  SOVREN_DO(database_->run(HistoryTable::create_sql));
  SOVREN_DO(history_.prepare());
  State state;
  return replay([&](const Event& event) -> Result<void> {
    apply(state, event);
    const auto* ended = std::get_if<JobEnded>(&event.body);
    if (ended == nullptr) return {};
    const JobRecord record = text::job_record(state.jobs.at(ended->job));
    return history_.put(std::span(&record, 1));
  });
}

// Ours and of a version that we read; an empty file is made one.
Result<void> SqliteEventLog::check_schema() {
  SOVREN_TRY(tables, database_->query_int("SELECT count(*) FROM sqlite_schema"));
  SOVREN_TRY(application, database_->query_int("PRAGMA application_id"));
  if (tables == 0 && application == 0) {
    char mark[64];
    std::snprintf(mark, sizeof mark, "PRAGMA application_id = %d", log_application_id);
    SOVREN_DO(database_->run(mark));
    return database_->run(create_sql);
  }
  if (application != log_application_id)
    return fail({.code = Code::storage_corrupt,
                 .what = "this is an SQLite file of another program, not an event log",
                 .hint = "choose another folder with --dir",
                 .where = path_});
  if (tables == 0) return database_->run(create_sql);  // killed between the mark and the tables
  SOVREN_TRY(version, database_->query_int("SELECT max(version) FROM schema"));
  if (version > log_schema_version)
    return fail({.code = Code::refused,
                 .what = "the event log has schema version " + std::to_string(version) +
                         "; this version of Sovren reads up to " +
                         std::to_string(log_schema_version),
                 .hint = "use the newer version of Sovren that wrote it, or another folder with "
                         "--dir; nothing was changed",
                 .where = path_});
  if (version < 1) return fail(damaged_log(path_, "it has no schema version"));
  return {};
}

// What print_job_file made of a spec goes back through a TOML reader.
Result<void> check_spec(const JobSpec& spec) {
  const std::string toml = text::print_job_file(spec);
  const bool is_good = toml.size() <= text::toml_size_bytes_max &&
                       text::utf8_fault(toml) == std::string::npos &&
                       toml.find('\0') == std::string::npos;
  if (is_good) return {};
  return fail({.code = Code::spec_invalid,
               .what = "the spec of job '" + spec.name +
                       "' is no text of at most 1 MiB, so it could not be read back"});
}

Result<std::string> SqliteEventLog::insert(std::span<Event> events) {
  std::string digest = last_digest_;
  std::int64_t seq = last_seq_;
  for (Event& event : events) {
    event.seq = {++seq};
    if (const auto* job = std::get_if<JobSubmitted>(&event.body); job != nullptr && job->spec)
      SOVREN_DO(check_spec(*job->spec));
    if (const auto* added = std::get_if<SpecAdded>(&event.body))
      SOVREN_DO(check_spec(*added->spec));
    const std::string json = text::event_to_json(event);
    digest = chain_digest(digest, seq, json);
    insert_.bind(1, seq);
    insert_.bind(2, json);
    insert_.bind(3, digest);
    SOVREN_DO(insert_.step());
  }
  return digest;
}

// All that `write` does is durable on return, or nothing of it is there.
Result<void> SqliteEventLog::transact(const std::function<Result<void>()>& write) {
  if (database_->has_failed_sync())
    return fail({.code = Code::storage_io,
                 .what = "an fsync of the event log has failed: what the disk holds is not known",
                 .hint = "check the disk, then start again: the log is read anew",
                 .where = path_});
  SOVREN_DO(begin_.step());
  Result<void> done = write();
  if (done)
    if (auto committed = commit_.step(); !committed) done = fail(std::move(committed).error());
  // Some errors have rolled back already; what this one says of itself would hide the first.
  if (!done && database_->is_in_transaction()) (void)database_->run("ROLLBACK");
  return done;
}

Result<void> SqliteEventLog::append(std::span<Event> events, std::span<const JobRecord> ended) {
  if (events.empty() && ended.empty()) return {};
  std::string digest;
  const auto appended = transact([&]() -> Result<void> {
    SOVREN_TRY(inserted, insert(events));
    digest = std::move(inserted);
    return history_.put(ended);
  });
  if (!appended) {
    for (Event& event : events) event.seq = {};
    return appended;
  }
  last_seq_ += static_cast<std::int64_t>(events.size());
  last_digest_ = std::move(digest);
  return {};
}

Result<void> SqliteEventLog::save_snapshot(const State& state) {
  SOVREN_CHECK(state.applied.value == last_seq_, "the state that is saved is that of all events");
  if (last_seq_ == 0) return {};
  return transact([&] { return snapshots_.save(state, last_digest_); });
}

// Digests are followed from the event `after` on.
Result<void> SqliteEventLog::walk(EventSeq after, std::int64_t limit, const Visit& visit) {
  std::int64_t expected = after.value;
  std::string digest;
  if (expected > 0) {
    SOVREN_TRY(before, database_->prepare("SELECT digest FROM events WHERE seq = ?1"));
    before.bind(1, expected);
    SOVREN_TRY(has_row, before.step());
    if (!has_row)
      return fail(damaged_log(path_, "event " + std::to_string(expected) + " is missing"));
    digest = before.column_text(0);
  }
  // Without `after` also rows of numbers that no event has, so that they are noticed.
  SOVREN_TRY(rows, database_->prepare(after.value == 0
                                          ? "SELECT seq, event, digest FROM events ORDER BY seq "
                                            "LIMIT ?2"
                                          : "SELECT seq, event, digest FROM events WHERE seq > ?1 "
                                            "ORDER BY seq LIMIT ?2"));
  if (after.value != 0) rows.bind(1, expected);
  rows.bind(2, limit);
  for (;;) {
    SOVREN_TRY(has_row, rows.step());
    if (!has_row) break;
    const std::int64_t seq = rows.column_int(0);
    const std::string_view json = rows.column_text(1);
    if (seq != ++expected)
      return fail(damaged_log(path_, "event " + std::to_string(expected) + " is missing"));
    digest = chain_digest(digest, seq, json);
    if (rows.column_text(2) != digest)
      return fail(
          damaged_log(path_, "event " + std::to_string(seq) + " does not match its digest"));
    auto event = text::event_from_json(json);
    if (!event)
      return fail(std::move(event).error().within("reading event " + std::to_string(seq)));
    event->seq = {seq};
    SOVREN_DO(visit(*event));
  }
  const bool is_to_end = limit < 0 || expected - after.value < limit;
  if (is_to_end && expected != last_seq_)
    return fail(damaged_log(path_, "its last events are missing"));
  return {};
}

Result<void> SqliteEventLog::replay(EventSeq after, const Visit& visit) {
  return walk(after, -1, visit);
}

Result<std::vector<Event>> SqliteEventLog::read_events(EventSeq after, std::size_t limit) {
  std::vector<Event> events;
  if (after.value >= last_seq_) return events;
  SOVREN_DO(walk(after, static_cast<std::int64_t>(limit), [&](const Event& event) -> Result<void> {
    events.push_back(event);
    return {};
  }));
  return events;
}

}  // namespace

Result<std::unique_ptr<DurableLog>> open_event_log(const std::string& path,
                                                   const LogOptions& options) {
  if (const std::string network = options.network_file_system(path); !network.empty())
    return fail({.code = Code::refused,
                 .what = "the event log would lie on a network file system (" + network +
                         "), where SQLite's locks and fsync cannot be trusted",
                 .hint = "put it on a local disk: set SOVREN_HOME, or choose a folder with --dir",
                 .where = path});
  auto log = SqliteEventLog::open(path);
  if (!log) return fail(std::move(log).error().within("opening the event log"));
  return log;
}

Result<std::unique_ptr<DurableLog>> open_event_log(const std::string& path) {
  return open_event_log(path, LogOptions{});
}

}  // namespace sovren::storage
