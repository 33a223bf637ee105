// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/base/result.h"
#include "storage/checkpoint/shard_digest.h"

namespace sovren::storage {

/// Writes the pieces as one new file, durably, and returns what was written. A second thread does
/// the checksums meanwhile, when that is worth it.
Result<FileDigest> write_shard(const std::string& path,
                               std::span<const std::span<const std::byte>> pieces);

}  // namespace sovren::storage
