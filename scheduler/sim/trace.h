// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace sovren::sim {

/// One job of a trace. Times in seconds; submit counts from the trace's own beginning.
struct TraceJob {
  std::int64_t id = 0;
  std::int64_t submit_s = 0;
  std::int64_t run_s = 0;
  std::int64_t request_s = 0;  ///< what its user thought it would run
  int procs = 0;
  int user = -1;  ///< -1: not known
};

/// How the lines of a trace become jobs.
enum class Cleaning {
  /// run <= 0, procs <= 0 or more than the machine has: dropped. No request: run. run > request:
  /// cut to it, as a scheduler would.
  full,
  /// RLScheduler's (SC 2020): the first 10,000 lines; run < 0: 10 s; run = 0: dropped; no request:
  /// run; nothing cut.
  rlscheduler
};
inline constexpr int rlscheduler_lines = 10'000;

/// A workload in the Standard Workload Format, sorted by submission.
struct Trace {
  std::string name;
  int procs = 0;  ///< of the machine: MaxProcs, else MaxNodes, else the largest job
  std::vector<TraceJob> jobs;
  int lines = 0;    ///< of jobs
  int dropped = 0;  ///< by the cleaning
  int cut = 0;      ///< run times cut to the request
};

/// Parses the text of a trace. procs of a job: the larger of allocated and requested. procs > 0
/// stands for the header's machine size. Tabs, floats, -1, missing headers and jobs out of order
/// are all seen in archives and taken.
///
/// Errors   data_invalid: a line with fewer than five numbers or something that is no number
///          ("trace.swf:12"); no job at all.
/// Source   Feitelson, "The standard workload format", version 2.2.
Result<Trace> parse_swf(std::string_view text, const std::string& name, Cleaning cleaning,
                        int procs = 0);

/// Reads a trace file, also a gzipped one. Errors: input_missing, data_invalid.
Result<std::string> read_trace_file(const std::string& path);

}  // namespace sovren::sim
