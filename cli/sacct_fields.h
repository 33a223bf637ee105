// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/slurm_job.h"
#include "core/base/result.h"

namespace sovren::cli {

/// A line of sacct: a job as a whole, or its one step, the batch script.
struct SacctRow {
  const SlurmJob* job = nullptr;
  bool is_step = false;
};

/// What sacct can print of a row.
struct SacctField {
  const char* name;   ///< also its heading
  std::size_t width;  ///< of a table
  bool is_left;
  std::string (*text)(const SacctRow& row, Instant now);
};
std::span<const SacctField> sacct_fields();

struct SacctColumn {
  const SacctField* field;
  std::size_t width;
  bool is_left;
};
/// "JobID%20,State%-12". Errors: usage, "Invalid field requested: "foo"".
Result<std::vector<SacctColumn>> parse_sacct_format(const std::string& text);

/// How sacct prints lines: a table, or values with a mark between them (-P) or after each (-p).
struct SacctStyle {
  enum class Kind { table, parsable, parsable2 };
  Kind kind = Kind::table;
  std::string delimiter = "|";
};
std::string sacct_heading(const std::vector<SacctColumn>& columns, const SacctStyle& style);
std::string sacct_line(const std::vector<SacctColumn>& columns, const SacctStyle& style,
                       const SacctRow& row, Instant now);

}  // namespace sovren::cli
