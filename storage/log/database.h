// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sovren::storage {

/// One prepared statement of a Database, which must outlive it. Parameters count from 1, columns
/// from 0.
class Statement {
 public:
  Statement() = default;

  void bind(int parameter, std::int64_t value);
  void bind(int parameter, std::string_view text);  ///< the text must live until step() returns

  /// true: a row is there; false: done, and the statement is ready for its next use.
  Result<bool> step();
  void reset();

  std::int64_t column_int(int column) const;
  std::string_view column_text(int column) const;  ///< until the next step()

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(class Database& database, sqlite3_stmt* handle)
      : database_(&database), handle_(handle) {}

  class Database* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// One connection to an SQLite file, and the one place that turns SQLite's result codes into ours.
class Database {
 public:
  /// Opens for reading and writing, makes the file if it is not there. A file that can only be read
  /// is an error.
  static Result<std::unique_ptr<Database>> open(const std::string& path);

  /// Runs statements that return no rows.
  Result<void> run(const char* sql);
  Result<Statement> prepare(std::string_view sql);

  /// First column of the first row, as text; empty without rows.
  Result<std::string> query_text(std::string_view sql);
  Result<std::int64_t> query_int(std::string_view sql);

  bool is_in_transaction() const;

  /// What SQLite's result code means here; remembers a failed fsync for good.
  Error error_of(int sqlite_code, std::string_view activity);

  /// After a failed fsync the kernel may have dropped what was written, so nothing more is
  /// believed until the file is opened anew (Rebello et al., ATC 2020).
  bool has_failed_sync() const { return has_failed_sync_; }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
  bool has_failed_sync_ = false;
};

}  // namespace sovren::storage
