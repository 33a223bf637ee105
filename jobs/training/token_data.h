// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "jobs/training/tokenizer.h"

namespace sovren::jobs {

/// The tokens of all data files, one behind another, as one long text: memory-mapped, so larger
/// than memory may be. Text files are tokenized (with bytes: as they lie), .bin files are shards
/// of uint16 tokens with llm.c's header (magic 20240520, version 1, count; counts beyond 2^31 by
/// the file's size). Between two files stands end of text where the tokenizer has one.
class TokenData {
 public:
  virtual ~TokenData() = default;
  virtual std::int64_t size() const = 0;
  /// Tokens first .. first + out.size().
  virtual void read(std::int64_t first, std::span<std::int32_t> out) const = 0;
};

/// Opens and checks the files. vocab: every token must be below it.
/// Errors   input_missing, data_invalid (magic, size, token beyond the vocabulary: file and place).
Result<std::shared_ptr<const TokenData>> open_tokens(std::span<const std::string> paths,
                                                     const Tokenizer& tokenizer, int vocab);

/// SHA-256 (hex) over all tokens: what the data are, whatever they are called.
Result<std::string> token_digest(const TokenData& data);

/// Tokens first .. first + count of another; shares it.
std::shared_ptr<const TokenData> part_of(std::shared_ptr<const TokenData> whole, std::int64_t first,
                                         std::int64_t count);

/// Which sequences a run reads: sequence s of the run, for any s, as a pure function.
///
/// sequential: sequence s begins at token (s mod n) x context, n = whole micro-batches of the data
/// x micro_batch. shuffled: an epoch is all windows of `context` tokens (and the one that follows),
/// the first beginning at an offset drawn for the epoch, in an order drawn for the epoch: each once
/// before any twice. The order is a keyed Feistel permutation, so nothing is stored.
class SequenceOrder {
 public:
  enum class Kind { shuffled, sequential };
  SequenceOrder(Kind kind, std::uint64_t seed, std::int64_t tokens, int context, int micro_batch);

  std::int64_t per_epoch() const;  ///< sequences
  std::int64_t first_token(std::int64_t sequence) const;

 private:
  Kind kind_;
  std::uint64_t seed_;
  std::int64_t tokens_;
  int context_;
  std::int64_t per_epoch_;
};

}  // namespace sovren::jobs
