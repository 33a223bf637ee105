// SPDX-License-Identifier: Apache-2.0
#include "storage/log/database.h"

#include <sqlite3.h>

#include <cerrno>
#include <utility>

#include "core/base/check.h"
#include "storage/file/file.h"

namespace sovren::storage {
namespace {

constexpr int busy_timeout_ms = 5000;  ///< a reader may hold a lock for a moment

std::string free_space_text(const std::string& path) {
  const auto free = free_bytes(path);
  return free ? std::to_string(*free >> 20) + " MiB are free there" : "see df";
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

void Statement::bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(handle_.get(), parameter, value);
  SOVREN_CHECK(code == SQLITE_OK, "the statement has this parameter");
}

void Statement::bind(int parameter, std::string_view text) {
  const int code = sqlite3_bind_text64(handle_.get(), parameter, text.data(), text.size(),
                                       SQLITE_STATIC, SQLITE_UTF8);
  SOVREN_CHECK(code == SQLITE_OK || code == SQLITE_TOOBIG, "the statement has this parameter");
}

Result<bool> Statement::step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(handle_.get());
  if (code == SQLITE_DONE) return false;
  return fail(database_->error_of(code, "run a statement on"));
}

void Statement::reset() {
  sqlite3_reset(handle_.get());
}

std::int64_t Statement::column_int(int column) const {
  return sqlite3_column_int64(handle_.get(), column);
}

std::string_view Statement::column_text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(handle_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(handle_.get(), column))};
}

void Database::Close::operator()(sqlite3* handle) const {
  sqlite3_close(handle);  // moves the WAL into the file, best effort: a WAL left behind is read
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path) {
  std::unique_ptr<Database> database(new Database(path));
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  database->handle_.reset(handle);
  if (code != SQLITE_OK) return fail(database->error_of(code, "open"));
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_timeout_ms);
  if (sqlite3_db_readonly(handle, "main") == 1)  // SQLite falls back to reading without a word
    return fail(database->error_of(SQLITE_READONLY, "write"));
  return database;
}

Result<void> Database::run(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  if (code == SQLITE_OK) return {};
  return fail(error_of(code, "write"));
}

Result<Statement> Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return fail(error_of(code, "read"));
  return Statement(*this, statement);
}

Result<std::string> Database::query_text(std::string_view sql) {
  SOVREN_TRY(statement, prepare(sql));
  SOVREN_TRY(has_row, statement.step());
  return has_row ? std::string(statement.column_text(0)) : std::string();
}

Result<std::int64_t> Database::query_int(std::string_view sql) {
  SOVREN_TRY(statement, prepare(sql));
  SOVREN_TRY(has_row, statement.step());
  return has_row ? statement.column_int(0) : 0;
}

bool Database::is_in_transaction() const {
  return sqlite3_get_autocommit(handle_.get()) == 0;
}

Error Database::error_of(int sqlite_code, std::string_view activity) {
  // The extended code tells one input/output error from another, and errno a full disk.
  const int extended = handle_ ? sqlite3_extended_errcode(handle_.get()) : sqlite_code;
  const int code = (extended & 0xFF) == (sqlite_code & 0xFF) ? extended : sqlite_code;
  const int error_number = handle_ ? sqlite3_system_errno(handle_.get()) : 0;
  const bool is_full =
      (code & 0xFF) == SQLITE_FULL ||
      ((code & 0xFF) == SQLITE_IOERR && (error_number == ENOSPC || error_number == EDQUOT));
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) has_failed_sync_ = true;

  Error error{.code = Code::storage_io, .where = path_};
  const std::string why = handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(sqlite_code);
  error.what = "cannot " + std::string(activity) + " the event log: " + why;
  if (is_full) {
    error.what = "cannot write the event log: the disk is full; nothing was recorded";
    error.hint = "free some space and start again; " + free_space_text(path_);
    return error;
  }
  switch (code & 0xFF) {
    case SQLITE_READONLY:
      error.what = "cannot write the event log: it is read-only";
      error.hint = "make the file and its folder writable, or choose another folder with --dir";
      break;
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_CANTOPEN:
      error.hint = "check that the folder is there and writable, or choose another with --dir";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      error.code = Code::storage_busy;
      error.hint = "another program has the file open for writing; end it and start again";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      error.code = Code::storage_corrupt;
      error.what = "the event log is damaged: " + why;
      error.hint =
          "keep a copy, then move it and its -wal file away: a new log is begun, and jobs "
          "go on from their checkpoints";
      break;
    case SQLITE_TOOBIG:
      error.what = "an event is too large for the event log";
      break;
    default:
      break;
  }
  return error;
}

}  // namespace sovren::storage
