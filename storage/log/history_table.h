// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/port/history.h"
#include "storage/log/database.h"

namespace sovren::storage {

/// The table `history` of an event log: a projection of its events that can be dropped and is then
/// made anew.
class HistoryTable {
 public:
  static constexpr const char* create_sql = R"sql(
    CREATE TABLE history(job INTEGER PRIMARY KEY, ended_at INTEGER NOT NULL, user TEXT NOT NULL,
                         state TEXT NOT NULL, record TEXT NOT NULL, digest TEXT NOT NULL) STRICT;
    CREATE INDEX history_ended ON history(ended_at, job);
    CREATE INDEX history_user ON history(user, ended_at, job);)sql";

  HistoryTable(std::string path, Database& database)
      : path_(std::move(path)), database_(database) {}

  Result<void> prepare();
  Result<void> put(std::span<const JobRecord> records);  ///< within the caller's transaction
  Result<std::optional<JobRecord>> find(JobId job);
  Result<std::vector<JobRecord>> query(const HistoryQuery& query);

 private:
  Result<JobRecord> read(const Statement& row) const;

  std::string path_;
  Database& database_;
  Statement put_;
};

}  // namespace sovren::storage
