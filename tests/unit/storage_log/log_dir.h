// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/model/event.h"
#include "core/port/event_log.h"

namespace sovren::storage {

/// An empty folder for one test, removed after it.
class LogDir {
 public:
  LogDir() {
    std::string path = testing::TempDir() + "sovren-log-XXXXXX";
    EXPECT_NE(::mkdtemp(path.data()), nullptr);
    path_ = path;
  }
  ~LogDir() { std::filesystem::remove_all(path_); }
  LogDir(const LogDir&) = delete;
  LogDir& operator=(const LogDir&) = delete;
  std::string log() const { return path_ + "/events.db"; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// Event number n of a test: says its number, and is as long as wanted.
inline Event numbered(int n, std::size_t bytes = 0) {
  return {.at = {n}, .body = NodeLeft{"node" + std::to_string(n), std::string(bytes, 'x')}};
}

inline std::vector<Event> numbered_batch(int first, int count, std::size_t bytes = 0) {
  std::vector<Event> events;
  for (int n = first; n < first + count; ++n) events.push_back(numbered(n, bytes));
  return events;
}

/// All events of a log, which must be readable.
inline std::vector<Event> all_of(EventLog& log) {
  std::vector<Event> events;
  const auto replayed = log.replay([&](const Event& event) -> Result<void> {
    events.push_back(event);
    return {};
  });
  EXPECT_TRUE(replayed) << to_text(replayed.error());
  return events;
}

/// Runs SQL on a file behind the log's back.
inline void tamper(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  sqlite3_close(handle);
}

/// First column of the first row.
inline std::int64_t look_up(const std::string& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  sqlite3_stmt* statement = nullptr;
  EXPECT_EQ(sqlite3_open(path.c_str(), &handle), SQLITE_OK);
  EXPECT_EQ(sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr), SQLITE_OK)
      << sqlite3_errmsg(handle);
  EXPECT_EQ(sqlite3_step(statement), SQLITE_ROW);
  const std::int64_t value = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(handle);
  return value;
}

}  // namespace sovren::storage
