// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "core/base/error.h"

namespace sovren::workers {

/// What is known of an attempt that has ended.
struct ExitFacts {
  int exit_code = 0;
  std::string dir;                ///< job directory: its logs are named
  std::optional<Error> reported;  ///< what a rank said
  bool is_command = false;        ///< a user's program, not sovren-rank
  bool is_started = false;        ///< rank 0 came as far as its first report
  bool is_kill_requested = false;
  bool is_stop_requested = false;  ///< a command was asked to end
  bool is_by_srun = false;         ///< a site's srun started the ranks
};

/// Why the attempt ended as it did; nothing when it is done (0) or sealed and stopped (85). What a
/// rank reported goes first; else the exit code is put into words, with the log's last line when
/// the ranks never got to speak.
std::optional<Error> error_of_exit(const ExitFacts& facts);

}  // namespace sovren::workers
