// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "core/base/id.h"
#include "core/base/result.h"

namespace sovren::workers {

/// The command line of sovren-rank.
struct Options {
  enum class Mode { run, check, generate, tokenizer, scene, scrub, about, help };
  Mode mode = Mode::run;
  std::string job_file;  ///< --check
  std::string dir;       ///< job directory, holds job.toml; also of --scrub
  JobId job;
  int attempt = 1;
  int ranks = 1;
  JobId oldest_set_job;       ///< 0: any
  double mtbf_s = 86400;      ///< mean time between failures
  std::string report_socket;  ///< empty: nobody listens
  std::string sequence;       ///< STEM of add_to_sequence(); empty: the job is of none
  double peer_deadline_s = 0;
};

/// How long a rank waits for another in a collective. A step takes at most about 2 s; a peer that
/// swaps, or whose disk is slow while it seals, may take much longer.
inline constexpr double peer_deadline_s_default = 120;

/// arguments: without the program. peer_deadline_variable: of SOVREN_PEER_DEADLINE_S, may be null.
/// Errors: usage.
Result<Options> parse_options(std::span<const char* const> arguments,
                              const char* peer_deadline_variable);

std::string usage_text();

}  // namespace sovren::workers
