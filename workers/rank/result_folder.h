// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>

#include "core/base/result.h"
#include "jobs/kind/job_kind.h"

namespace sovren::workers {

/// Puts the files into dir/result/, replacing an earlier result as a whole: they are written and
/// synced in dir/result.tmp-<attempt>/, then the folders change names. After a crash there is the
/// old result, the new one, or none, never a mixture. Leftovers of dead attempts are deleted.
/// Errors   storage_io.
Result<void> write_result(const std::string& dir, int attempt,
                          std::span<const jobs::ResultFile> files);

}  // namespace sovren::workers
