// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::cli {

/// A job, as Slurm's programs are told which: "12", "12_3", "12_[1-4,7]", "12.batch". The task of
/// an array is the value of its index.
struct SlurmId {
  struct Range {
    std::int64_t first = 0;
    std::int64_t last = 0;
    std::int64_t step = 1;
  };
  std::int64_t job = 0;      ///< or the first of an array
  std::vector<Range> tasks;  ///< of the array; empty: all of it
  std::string step;          ///< "batch", "0"; empty: the whole job

  bool has_task(std::string_view task) const;
};

/// Errors   usage: "Invalid job id specified".
Result<SlurmId> parse_slurm_id(std::string_view text);

/// The parts between commas that stand outside of brackets; empty ones are left out.
std::vector<std::string> slurm_list(std::string_view text);

/// "1-4,7,9-13:2", as the sorted numbers are written in brackets, the first of them that fit in
/// `length_max` characters, then "..."; 0: all.
std::string fold_numbers(const std::vector<std::int64_t>& numbers, std::size_t length_max);

}  // namespace sovren::cli
