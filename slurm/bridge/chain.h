// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"

namespace sovren::slurm {

/// One run of `sovren run` in one allocation of a site.
struct Allocation {
  std::string site_job;   ///< as squeue shows it: "1234", of an array "1234_7"
  int restart = 0;        ///< how often the site had requeued it
  std::string continues;  ///< site job of which this submission is the continuation; empty: none
  int nodes = 1;
  int ranks = 1;
  std::string launcher;    ///< srun or mpirun
  Instant began_at;        ///< by the clock of its head node: to be shown, not to be compared
  std::int64_t step = -1;  ///< of the newest checkpoint set when it began; -1: none

  struct End {
    Instant ended_at;
    int exit_code = 0;  ///< of sovren run
    std::int64_t sealed_step = -1;
    bool operator==(const End&) const = default;
  };
  std::optional<End> end;  ///< none: it runs, or was ended with all its processes
  bool operator==(const Allocation&) const = default;
};

/// The allocations that a job has had, in the order in which they began: DIR/allocations.jsonl
/// (docs/formats.md), to which each of them appends a line when it begins and one when it ends. No
/// file: none. Lines that are cut short or not understood are passed over: a node may have died
/// while it wrote, and what it wrote is a history, on which no checkpoint depends.
///
/// Errors   storage_io: it is there but cannot be read.
Result<std::vector<Allocation>> read_chain(const std::string& job_dir);

/// Appends the line of its beginning, or, where it has an end, that of its end; durable when it
/// returns. Needs no lock: one write of one line, as network file systems allow.
///
/// Errors   storage_io.
Result<void> append_to_chain(const std::string& job_dir, const Allocation& allocation);

/// Path of the file.
std::string chain_file(const std::string& job_dir);

}  // namespace sovren::slurm
