// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace sovren::api {

/// A part of a rank's log.
struct LogPart {
  std::int64_t offset = 0;      ///< of its first byte
  std::int64_t size_bytes = 0;  ///< of the whole file
  std::string bytes;
};

/// Reads logs/rank-NNNN.log of a job directory, which belongs to the job's user and not to us: no
/// link in it is followed, and only a regular file is read.
///
/// offset   from there on; -n: the last n bytes.
/// Errors   not_found: there is no such log (yet); storage_io.
Result<LogPart> read_job_log(const std::string& job_dir, int rank, std::int64_t offset,
                             std::int64_t limit_bytes);

}  // namespace sovren::api
