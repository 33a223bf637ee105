// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/result.h"

namespace sovren::jobs {

// Token shards as llm.c has them (llm.c, llmc/dataloader.h and dev/data/data_common.py): 256 int32
// of header (magic 20240520, version 1, count of tokens), then the tokens as uint16. A count beyond
// 2^31 stands there modulo 2^32, and the file's size says how many there are.

/// The tokens of a shard, as they lie in its bytes, which begin at a multiple of 2. path: for
/// messages.
/// Errors   data_invalid: magic, version, a size that is not as the header says, no tokens.
Result<std::span<const std::uint16_t>> shard_tokens(const std::string& path,
                                                    std::span<const std::byte> bytes);

/// The header of a shard of so many tokens.
std::string shard_header(std::int64_t tokens);

}  // namespace sovren::jobs
