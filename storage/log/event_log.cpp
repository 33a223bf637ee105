// SPDX-License-Identifier: Apache-2.0
#include "storage/log/event_log.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "core/text/digest.h"
#include "core/text/event_json.h"
#include "storage/log/database.h"

namespace sovren::storage {
namespace {

constexpr std::size_t digest_digits = 16;  ///< 64 bits: against damage, not against forgers

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

Error damaged(const std::string& path, std::string what) {
  return {.code = Code::storage_corrupt,
          .what = "the event log is damaged: " + std::move(what),
          .hint =
              "keep a copy, then move it and its -wal file away: a new log is begun, and jobs "
              "go on from their checkpoints",
          .where = path};
}

// Of a row and of the digest before it: a chain.
std::string digest_of(std::string_view before, std::int64_t seq, std::string_view event) {
  text::Sha256 sha;
  sha.update(before);
  sha.update("\n" + std::to_string(seq) + "\n");
  sha.update(event);
  return sha.hex().substr(0, digest_digits);
}

class SqliteEventLog : public EventLog {
 public:
  static Result<std::unique_ptr<EventLog>> open(const std::string& path);

  Result<void> append(std::span<Event> events) override;
  Result<void> replay(const std::function<Result<void>(const Event&)>& visit) override;

 private:
  SqliteEventLog(std::string path, FileLock lock, std::unique_ptr<Database> database)
      : path_(std::move(path)), lock_(std::move(lock)), database_(std::move(database)) {}

  Result<void> prepare();
  Result<void> check_schema();
  Result<std::string> insert(std::span<Event> events);

  std::string path_;
  FileLock lock_;
  std::unique_ptr<Database> database_;
  Statement insert_;
  std::int64_t last_seq_ = 0;
  std::string last_digest_;
};

Result<std::unique_ptr<EventLog>> SqliteEventLog::open(const std::string& path) {
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
  if (verdict != "ok") return fail(damaged(path_, verdict));
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
  SOVREN_TRY(insert, database_->prepare("INSERT INTO events VALUES (?1, ?2, ?3)"));
  insert_ = std::move(insert);
  return {};
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
  if (version < 1) return fail(damaged(path_, "it has no schema version"));
  return {};
}

Result<std::string> SqliteEventLog::insert(std::span<Event> events) {
  std::string digest = last_digest_;
  std::int64_t seq = last_seq_;
  for (Event& event : events) {
    event.seq = {++seq};
    const std::string json = text::event_to_json(event);
    if (std::holds_alternative<JobSubmitted>(event.body))
      // A job file's rules are read with it: one that broke them would make the log unreadable.
      if (auto back = text::event_from_json(json); !back)
        return fail(std::move(back).error().within("recording a job"));
    digest = digest_of(digest, seq, json);
    insert_.bind(1, seq);
    insert_.bind(2, json);
    insert_.bind(3, digest);
    SOVREN_DO(insert_.step());
  }
  return digest;
}

Result<void> SqliteEventLog::append(std::span<Event> events) {
  if (events.empty()) return {};
  if (database_->has_failed_sync())
    return fail({.code = Code::storage_io,
                 .what = "an fsync of the event log has failed: what the disk holds is not known",
                 .hint = "check the disk, then start again: the log is read anew",
                 .where = path_});
  SOVREN_DO(database_->run("BEGIN IMMEDIATE"));
  auto digest = insert(events);
  Result<void> committed = digest ? database_->run("COMMIT") : fail(digest.error());
  if (!committed) {
    // Some errors have rolled back already; what this one says of itself would hide the first.
    if (database_->is_in_transaction()) (void)database_->run("ROLLBACK");
    for (Event& event : events) event.seq = {};
    return committed;
  }
  last_seq_ += static_cast<std::int64_t>(events.size());
  last_digest_ = std::move(*digest);
  return {};
}

Result<void> SqliteEventLog::replay(const std::function<Result<void>(const Event&)>& visit) {
  SOVREN_TRY(rows, database_->prepare("SELECT seq, event, digest FROM events ORDER BY seq"));
  std::int64_t expected = 0;
  std::string digest;
  for (;;) {
    SOVREN_TRY(has_row, rows.step());
    if (!has_row) break;
    const std::int64_t seq = rows.column_int(0);
    const std::string_view json = rows.column_text(1);
    if (seq != ++expected)
      return fail(damaged(path_, "event " + std::to_string(expected) + " is missing"));
    digest = digest_of(digest, seq, json);
    if (rows.column_text(2) != digest)
      return fail(damaged(path_, "event " + std::to_string(seq) + " does not match its digest"));
    auto event = text::event_from_json(json);
    if (!event)
      return fail(std::move(event).error().within("reading event " + std::to_string(seq)));
    event->seq = {seq};
    SOVREN_DO(visit(*event));
  }
  if (expected != last_seq_) return fail(damaged(path_, "its last events are missing"));
  return {};
}

}  // namespace

Result<std::unique_ptr<EventLog>> open_event_log(const std::string& path,
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

Result<std::unique_ptr<EventLog>> open_event_log(const std::string& path) {
  return open_event_log(path, LogOptions{});
}

}  // namespace sovren::storage
