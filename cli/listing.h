// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "core/base/result.h"
#include "core/base/units.h"
#include "core/text/json.h"

// What the scheduler answers, as tables for people. Only .cpp files include this, as
// core/text/json.h.

namespace sovren::cli {

using Rows = std::vector<std::vector<std::string>>;

/// A member by key or JSON pointer as text; empty where it is not there or null.
std::string text_of(const text::Json& object, std::string_view key);
double number_of(const text::Json& object, std::string_view key);
/// Of RFC 3339 or of milliseconds: "2026-11-26 14:03:04" in local time; empty where it is not there
/// or null.
std::string time_of(const text::Json& object, std::string_view key);

/// The elements of an array in one: {"elements": 5, "states": {"RUNNING": 2, ...}}.
struct ArraySummary {
  std::int64_t elements = 0;
  std::int64_t done = 0;    ///< COMPLETED
  bool is_waiting = false;  ///< some wait, and none runs
  std::string state;        ///< of the element that is farthest from rest
  std::string counts;       ///< "3 done, 2 running"
};
ArraySummary array_summary(const text::Json& array);

/// With a head: JOB, NAME, USER, STATE, TRY, TIME, DONE, NODES, WHY.
Rows job_rows(const text::Json& jobs, Instant now);
Rows node_rows(const text::Json& nodes);

/// Every member on a line of its own, "resources.ranks  4"; what is empty is left out.
Rows member_rows(const text::Json& object);

/// The rows as a table; on a terminal, cut to its width.
Result<int> print_rows(const Rows& rows);
/// The document as it is, or the table.
Result<int> print_answer(const Arguments& arguments, const text::Json& answer, const Rows& rows);

/// The time now, of the system's clock.
Instant now();

}  // namespace sovren::cli
