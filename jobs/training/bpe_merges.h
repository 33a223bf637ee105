// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "jobs/training/tokenizer.h"

namespace sovren::jobs {

// The merges of a byte-level BPE. Token t < 256 is the byte bpe_bytes()[t]; merge m makes token
// 256 + m of two tokens that are below it.

struct BpeMerge {
  std::int32_t left = 0;
  std::int32_t right = 0;
  auto operator<=>(const BpeMerge&) const = default;
};

/// The bytes in the order of GPT-2's tokens: what prints in Latin-1 first, then the others.
const std::array<unsigned char, 256>& bpe_bytes();

/// The bytes that each token stands for: 256 + merges.size() of them.
std::vector<std::string> bpe_token_bytes(std::span<const BpeMerge> merges);

/// Reads a merges file (vocab.bpe, merges.txt): a line that begins with "#version", then
/// "left right" on each line, in an alphabet in which every byte prints. path: for messages.
/// Errors   data_invalid with the line: it is no pair, a part of it is made by no line before, or
/// it makes a token that is there already.
Result<std::vector<BpeMerge>> parse_bpe(const std::string& path, std::string_view text);

/// Such a file.
std::string print_bpe(std::span<const BpeMerge> merges);

/// What read_bpe_tokenizer() makes of a file of these merges.
std::unique_ptr<Tokenizer> make_bpe_tokenizer(std::span<const BpeMerge> merges);

}  // namespace sovren::jobs
