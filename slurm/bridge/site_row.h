// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

// What the site's programs print of jobs.

namespace sovren::slurm {

/// A job of the site, an element of an array, or all elements that still wait together.
struct SiteRow {
  std::string site_job;                                      ///< of an array: of the whole array
  std::vector<std::pair<std::int64_t, std::int64_t>> tasks;  ///< [first, last]; empty: no array
  bool has_more_tasks = false;  ///< the list was cut short: all that have no row of their own
  std::string state;
  std::string reason;  ///< "" for "None"
  std::string nodes;
  std::string comment;
  std::optional<int> restarts;   ///< none: this way of asking does not say
  std::optional<int> exit_code;  ///< of the script; 128 + signal; none: it does not say
  bool operator==(const SiteRow&) const = default;
};

/// Errors of all readers: data_invalid: not what this program prints, or cut short. Lines that are
/// no part of the answer (warnings of a wrapper) are passed over.
///
/// Of `squeue --noheader --Format=squeue_fields`, which is the smallest answer that says it all.
Result<std::vector<SiteRow>> read_squeue_fields(std::string_view text);
inline constexpr std::string_view squeue_fields =
    "JobArrayID:0|,State:0|,RestartCnt:0|,exit_code:0|,Reason:0|,NodeList:0|,Comment:0|";

/// Of `squeue --noheader --format=squeue_format`, which all versions have: without restarts and
/// exit codes.
Result<std::vector<SiteRow>> read_squeue_format(std::string_view text);
inline constexpr std::string_view squeue_format = "%i|%T|%r|%N|%k|";

/// Of `squeue --json` of Slurm 21.08 to 26: each member of a job in any of its shapes.
Result<std::vector<SiteRow>> read_squeue_json(std::string_view text);

/// Of `sacct --noheader --parsable2 --format=sacct_format`: steps are folded into their jobs.
Result<std::vector<SiteRow>> read_sacct(std::string_view text);
inline constexpr std::string_view sacct_format = "JobID,State,ExitCode,NodeList";

/// Of a wait status as slurmctld keeps it: 768 is 3; of a signal 128 + its number.
int exit_code_of_status(std::int64_t status);

/// "1234", "1234_5", "1234_[5-99%2]", "1234_[1,3,5,...]", "1234+1": id and elements of a row.
/// False: it is no such id.
bool read_job_id(std::string_view text, SiteRow& row);
/// Is this element of an array one of the row's?
bool is_listed(const SiteRow& row, std::int64_t task);

/// "5-99%2", "1,3,7-9", "0-8:2": elements of a row.
bool read_tasks(std::string_view text, SiteRow& row);

}  // namespace sovren::slurm
